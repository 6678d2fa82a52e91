// SPDX-License-Identifier: MIT
// playground/app/sample_audit.hpp - what an audit says of every training sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <renn/retrace/audit.hpp>

#include "../http/message.hpp"

namespace playground {

class Job;
class Session;
struct Model;

/// What the library found, and what the page wants to look up of it.
struct Audit {
    renn::SampleAudit of;
    renn::RetraceOptions options;
    std::vector<double> harm = {};           ///< empty where it is not known which answers are right
    std::vector<std::uint32_t> groups = {};  ///< of duplicates, from 1; 0: of none
};

/// {"k": 42, "ties": "share", "pre": true, "post": false}, checked; all may be left out.
renn::RetraceOptions parse_audit(const Json& json);

/// Audits the recorded samples, keeps the result in the session.
void audit_samples(Session& session, Job& job, const std::shared_ptr<const Model>& model,
                   const renn::RetraceOptions& options);

/// Which rows of the table: GET .../audit?sort=harm&descending=1&page=0, checked. Equal values come by ascending
/// number, as in renn's rankings; "group" shows duplicates alone.
struct AuditRows {
    std::string sort = "conflict";
    bool descending = true;
    std::size_t page = 0;
};
AuditRows parse_rows(const std::map<std::string, std::string>& query);

/// What there is in all, and one page of rows, 50 of them.
Json rows_json(const Audit& audit, const Model& model, const AuditRows& rows);

/// The whole table, a line a sample.
std::string audit_csv(const Audit& audit, const Model& model);

}  // namespace playground
