// SPDX-License-Identifier: MIT
// playground/app/query.hpp - what the page asks to be retraced, and how: sent whole with every request about an answer,
// so that nothing of it is kept here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <renn/network/mask.hpp>

#include "../http/message.hpp"
#include "model.hpp"
#include "session.hpp"

namespace playground {

/// {"of": {"test": ID} or {"train": ID} or {"drawn": BASE64}, "k": 42, "ties": "share", "pre": true, "post": false,
///  "units": [{"place": "dense1", "from": 0, "to": 127}], "off": {"relu1": [3, 17]}}; only "of" is needed.
struct Query {
    enum class Of : std::uint8_t { test, train, drawn };

    Of of = Of::drawn;
    renn::Column<float> input = {};
    std::uint64_t id = 0;     ///< of a sample of a set
    std::int32_t label = -1;  ///< -1: not known
    bool recorded = false;    ///< a training sample: retraced without itself
    renn::RetraceOptions options = {};
    std::vector<renn::Selection::Units> units = {};  ///< only these vote; empty: all of the kinds
    renn::Mask off = {};                             ///< neurons held at 0
};

/// Throws HttpError 400 for what is no base64 and 422, naming the member, for anything else it does not understand.
/// Members that are not the query's own are for whoever else reads the request.
Query parse_query(const Json& json, const Model& model);

/// Retraces it; with the name of a place, only that place votes. Throws HttpError 422 if nothing is left to vote.
Traced::Answer retrace(const Query& query, const Model& model, const std::string& place = {});

/// The same from activations_of(query): what several answers to one query share.
renn::Activations<float> activations_of(const Query& query, const Model& model);
Traced::Answer retrace(const Query& query, const Model& model, const renn::Activations<float>& values,
                       const std::string& place = {});

/// The place of a name; throws HttpError 422 naming `member` if the recording has none such.
const renn::Point& place_named(const Model& model, const std::string& name, const std::string& member);

/// A whole number from least to most, or `otherwise` where it is missing; throws HttpError 422 naming the member.
std::int64_t whole_number(const Json& json, const std::string& member, std::int64_t least, std::int64_t most,
                          std::int64_t otherwise);
/// The same of true and false.
bool yes_or_no(const Json& json, const std::string& member, bool otherwise);

/// The session's model; throws HttpError 409 if there is none yet.
const Model& trained(const std::shared_ptr<const Model>& model);
/// The same for a request that goes on with an answer, whose "model_version" it names, itself or in its "query"; throws
/// HttpError 409 "stale" if another network is in its place by now.
const Model& answered(const Snapshot& now, const Json& asked);

/// Bytes of base64; throws HttpError 400 if it is none.
std::vector<std::uint8_t> from_base64(const std::string& text);

}  // namespace playground
