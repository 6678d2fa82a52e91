// SPDX-License-Identifier: MIT
// playground/app/answer_files.hpp - answers as files: a page of its own, or JSON.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../http/message.hpp"
#include "answer_json.hpp"
#include "query.hpp"

namespace playground {

struct DataSet;

/// How many answers go into one file.
constexpr std::size_t most_answers = 100;

/// A request for a file: a query whose "of" is a list, of 1 to 100. Throws as parse_query, naming "of[3]".
std::vector<Query> parse_queries(const Json& json, const Model& model);

/// What of the answers a file has, so that no file takes more than about a second; the file tells what is left out.
struct FileScope {
    std::size_t answers = 0;  ///< the first of those that were asked for
    bool layers = false;      ///< each layer and its most active neurons, in a page
    bool neurons = false;     ///< each neuron's closest samples, in JSON
};
FileScope scope_of(const std::vector<Query>& queries, const Model& model);

/// One HTML page with all of them.
std::string answer_report(const std::vector<Query>& queries, const Json& asked, const Model& model, const DataSet& data,
                          Look look);

/// {"network", "query": what was asked, "asked": number of answers, "neurons": whether each neuron's closest samples
/// are there, "answers": [{"sample": {...}, "answer": RetraceResult as io/json.hpp writes it}]}
std::string answer_archive(const std::vector<Query>& queries, const Model& model);

}  // namespace playground
