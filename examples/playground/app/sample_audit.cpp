// SPDX-License-Identifier: MIT
#include "sample_audit.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "findings.hpp"
#include "job.hpp"
#include "model.hpp"
#include "parameters.hpp"
#include "sample_json.hpp"
#include "session.hpp"

namespace playground {
namespace {

constexpr std::array<const char*, 7> sort_names = {"id", "label", "conflict", "harm", "reach", "isolation", "group"};
constexpr std::size_t page_size = 50;

double sort_value(const Audit& all, const std::string& by, std::size_t s) {
    const renn::SampleAudit& audit = all.of;
    if (by == "label") return audit.labels.empty() ? 0.0 : audit.labels[s];
    if (by == "conflict") return audit.conflicts.empty() ? 0.0 : audit.conflicts[s];
    if (by == "harm") return all.harm.empty() ? 0.0 : all.harm[s];
    if (by == "group") return all.groups[s];
    if (by == "reach") return audit.use.reach[s];
    return by == "isolation" ? audit.isolation[s] : 0.0;
}

std::string text(double value) {
    char digits[40];
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

}  // namespace

renn::RetraceOptions parse_audit(const Json& json) {
    renn::RetraceOptions options;
    const Json k = json.value("k", Json(42));
    if (!k.is_number_integer() || k.get<double>() < 1.0 || k.get<double>() > 10000.0) {
        throw HttpError(422, "k", "k: expected 1 to 10000");
    }
    options.k = k.get<std::int64_t>();
    const Json ties = json.value("ties", Json("share"));
    bool known = false;
    for (const renn::Ties policy :
         {renn::Ties::share, renn::Ties::strict, renn::Ties::skip_inactive, renn::Ties::lowest_id}) {
        if (ties != Json(std::string(renn::ties_name(policy)))) continue;
        options.ties = policy;
        known = true;
    }
    if (!known) throw HttpError(422, "ties", "ties: expected share, strict, skip_inactive or lowest_id");
    for (const auto& [name, kind] : {std::pair("pre", &options.pre), std::pair("post", &options.post)}) {
        const Json wanted = json.value(name, Json(kind == &options.pre));
        if (!wanted.is_boolean()) throw HttpError(422, name, std::string(name) + ": expected true or false");
        *kind = wanted.get<bool>();
    }
    if (!options.pre && !options.post) throw HttpError(422, "pre", "pre and post: expected 1 or more of them");
    return options;
}

void audit_samples(Session& session, Job& job, const std::shared_ptr<const Model>& model,
                   const renn::RetraceOptions& options) {
    Audit audit{.of = renn::audit_samples(
                    model->traced, {.retrace = options, .threads = threads_of_work(), .progress = job.progress()}),
                .options = options};
    job.throw_if_cancelled();
    const std::size_t n = audit.of.ids().size();
    if (!audit.of.use.wrong_votes.empty()) audit.harm = audit.of.use.harm();
    audit.groups.assign(n, 0);
    for (std::size_t g = 0; g < audit.of.duplicates.size(); ++g) {
        for (const std::uint64_t id : audit.of.duplicates[g]) {
            audit.groups[static_cast<std::size_t>(model->traced.store().position_of(id))] =
                static_cast<std::uint32_t>(g + 1);
        }
    }
    constexpr std::size_t bytes_each = 80;
    auto kept = std::make_shared<const Audit>(std::move(audit));
    keep(session, model, [&](Findings& f) { f.audit = {std::move(kept), sizeof(Audit) + n * bytes_each}; });
}

AuditRows parse_rows(const std::map<std::string, std::string>& query) {
    AuditRows rows;
    for (const auto& [name, value] : query) {
        if (name == "sort") {
            if (std::ranges::find(sort_names, std::string_view(value),
                                  [](const char* n) { return std::string_view(n); }) == sort_names.end()) {
                throw HttpError(422, "sort", "sort: expected id, label, conflict, harm, reach, isolation or group");
            }
            rows.sort = value;
        } else if (name == "descending") {
            if (value != "0" && value != "1") throw HttpError(422, "descending", "descending: expected 0 or 1");
            rows.descending = value == "1";
        } else if (name == "page") {
            if (!read_number(value, rows.page) || rows.page > 10000000) {
                throw HttpError(422, "page", "page: expected a number, 0 or more");
            }
        }
    }
    return rows;
}

Json rows_json(const Audit& audit, const Model& model, const AuditRows& rows) {
    const auto& store = model.traced.store();
    const renn::SampleAudit& of = audit.of;
    const std::size_t n = of.ids().size();
    std::vector<std::size_t> shown;
    for (std::size_t s = 0; s < n; ++s) {
        if (rows.sort != "group" || audit.groups[s] > 0) shown.push_back(s);
    }
    std::vector<double> values;
    if (rows.sort != "id") {
        for (std::size_t s = 0; s < n; ++s) values.push_back(sort_value(audit, rows.sort, s));
    }
    std::ranges::sort(shown, [&](std::size_t a, std::size_t b) {
        if (!values.empty() && values[a] != values[b]) return (values[a] > values[b]) == rows.descending;
        return values.empty() && rows.descending ? of.ids()[a] > of.ids()[b] : of.ids()[a] < of.ids()[b];
    });
    const std::size_t pages = (shown.size() + page_size - 1) / page_size;
    const std::size_t page = std::min(rows.page, pages == 0 ? 0 : pages - 1);
    Json list = Json::array();
    for (std::size_t i = page * page_size; i < std::min(shown.size(), (page + 1) * page_size); ++i) {
        const std::size_t s = shown[i];
        Json row = sample_json(model.train, of.ids()[s]);
        row["prediction"] = store.predictions.empty() ? -1 : store.predictions[s];
        row["spoken"] = of.spoken.empty() ? -1 : of.spoken[s];
        row["conflict"] = of.conflicts.empty() ? Json() : rounded(of.conflicts[s]);
        row["harm"] = audit.harm.empty() ? Json() : rounded(audit.harm[s]);
        row["reach"] = of.use.reach[s];
        row["isolation"] = rounded(of.isolation[s]);
        row["distance"] = rounded(of.distances[s]);
        row["group"] = audit.groups[s];
        list.push_back(std::move(row));
    }
    return {{"audited", true},
            {"k", audit.options.k},
            {"ties", renn::ties_name(audit.options.ties)},
            {"pre", audit.options.pre},
            {"post", audit.options.post},
            {"samples", n},
            {"conflict", !of.conflicts.empty()},
            {"harm", !audit.harm.empty()},
            {"unused", std::ranges::count(of.use.reach, 0U)},
            {"groups", of.duplicates.size()},
            {"total", shown.size()},
            {"page", page},
            {"pages", pages},
            {"rows", std::move(list)}};
}

std::string audit_csv(const Audit& audit, const Model& model) {
    const auto& store = model.traced.store();
    const renn::SampleAudit& of = audit.of;
    std::string out = "id,label,prediction,sources_say,label_conflict,harm,reach,isolation,distance,duplicates\n";
    for (std::size_t s = 0; s < of.ids().size(); ++s) {
        const auto add = [&out](const std::string& value) { out += "," + value; };
        out += std::to_string(of.ids()[s]);
        add(of.labels.empty() ? "" : std::to_string(of.labels[s]));
        add(store.predictions.empty() ? "" : std::to_string(store.predictions[s]));
        add(of.spoken.empty() ? "" : std::to_string(of.spoken[s]));
        add(of.conflicts.empty() ? "" : text(of.conflicts[s]));
        add(audit.harm.empty() ? "" : text(audit.harm[s]));
        add(std::to_string(of.use.reach[s]));
        add(text(of.isolation[s]));
        add(text(of.distances[s]));
        add(audit.groups[s] == 0 ? "" : std::to_string(audit.groups[s]));
        out += '\n';
    }
    return out;
}

}  // namespace playground
