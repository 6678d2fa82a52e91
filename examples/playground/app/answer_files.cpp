// SPDX-License-Identifier: MIT
#include "answer_files.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include <renn/io/json.hpp>
#include <renn/report/retrace_report.hpp>
#include <renn/retrace/result.hpp>

#include "data_set.hpp"

namespace playground {
namespace {

std::string units_text(const std::vector<renn::Selection::Units>& units) {
    std::string text;
    for (const auto& some : units) {
        text += (text.empty() ? "" : "; ") + some.layer + ": " + std::to_string(some.units.front());
        if (some.units.size() > 1) text += " to " + std::to_string(some.units.back());
    }
    return text;
}

renn::ReportQuery<float> report_query(const Query& query, const Model& model) {
    if (query.of == Query::Of::drawn) return {.input = query.input, .tag = "drawn"};
    const auto& data = query.recorded ? model.train : model.test;
    auto shown = renn::report_query(data, data.position_of(query.id));
    if (query.recorded && shown.tag.empty()) shown.tag = "training sample, retraced without itself";
    return shown;
}

void write_sample(renn::JsonWriter& json, const Query& query) {
    json.object([&] {
        if (query.of == Query::Of::drawn) {
            json.member("drawn", query.input);
            return;
        }
        json.member(query.recorded ? "train" : "test", query.id);
        if (query.label >= 0) json.member("label", query.label);
    });
}

}  // namespace

std::vector<Query> parse_queries(const Json& json, const Model& model) {
    const auto of = json.find("of");
    if (of == json.end() || !of->is_array() || of->empty() || of->size() > most_answers) {
        throw HttpError(422, "query", "of: expected a list of 1 to " + std::to_string(most_answers) + " samples");
    }
    std::vector<Query> queries;
    Json one = json;
    for (std::size_t i = 0; i < of->size(); ++i) {
        one["of"] = (*of)[i];
        try {
            queries.push_back(parse_query(one, model));
        } catch (const HttpError& e) {
            throw HttpError(e.status(), e.kind(), std::string(e.what()) + " (of[" + std::to_string(i) + "])");
        }
    }
    return queries;
}

FileScope scope_of(const std::vector<Query>& queries, const Model& model) {
    // Neighbours that are looked at in a second, also where each layer sums up its own, of 60,000 samples; and that are
    // written: 20 MB of them, which takes a quarter of that. Measured.
    constexpr std::int64_t most_seen = 150'000'000, most_in_layers = 4'000'000, most_written = 120'000;
    const auto& store = model.traced.store();
    const Query& query = queries.front();
    std::int64_t neurons = 0;
    for (const renn::Point& point : store.points) {
        if (point.kind == renn::Kind::pre ? query.options.pre : query.options.post) neurons += point.count();
    }
    const std::int64_t neighbours = neurons * std::min<std::int64_t>(query.options.k, store.samples());
    const auto asked = std::ssize(queries);
    const auto work = neighbours + renn::parameter_count(model.traced.network().parameters()) + 1;
    const auto answers = std::clamp<std::int64_t>(most_seen / work, 1, asked);
    return {.answers = static_cast<std::size_t>(answers),
            .layers = answers <= 10 && answers * neighbours <= most_in_layers,
            .neurons = answers * neighbours <= most_written};
}

std::string answer_report(const std::vector<Query>& queries, const Json& asked, const Model& model, const DataSet& data,
                          Look look) {
    renn::RetracePage page{.title = "Retraced predictions: " + data.title};
    page.detail.sources = static_cast<std::size_t>(parse_shown(asked).sources);
    page.detail.layer_sources = std::min<std::size_t>(page.detail.sources, 8);
    const FileScope scope = scope_of(queries, model);
    page.detail.layers = scope.layers;
    if (look == Look::colour) page.target_image = {3, 1, 1};
    renn::RetraceReport report(std::move(page));
    const Query& first = queries.front();
    report.fact("Data set", data.title);
    report.fact("Network", model.traced.network().describe());
    report.fact("Recorded", std::to_string(model.traced.store().samples()) + " training samples");
    report.fact("Closest sources of a neuron", std::to_string(first.options.k));
    report.fact("Ties", std::string(renn::ties_name(first.options.ties)));
    if (!first.units.empty()) report.fact("Neurons that vote", units_text(first.units));
    if (!first.off.empty()) report.fact("Neurons switched off", renn::describe(first.off));
    if (scope.answers < queries.size()) {
        report.fact("Answers", "the first " + std::to_string(scope.answers) + " of " + std::to_string(queries.size()) +
                                   ": all would take too long");
    }
    if (!scope.layers) report.fact("Layers", "left out: so many answers, or closest sources, are told as a whole");
    for (const Query& query : std::span(queries).first(scope.answers)) {
        report.add(retrace(query, model), model.train, report_query(query, model));
    }
    return report.html();
}

std::string answer_archive(const std::vector<Query>& queries, const Model& model) {
    std::ostringstream out;
    {
        renn::JsonWriter json(out);
        const Query& first = queries.front();
        const FileScope scope = scope_of(queries, model);
        json.object([&] {
            json.member("network", model.traced.network().describe());
            json.key("query");
            json.object([&] {
                json.member("k", first.options.k).member("ties", renn::ties_name(first.options.ties));
                json.member("pre", first.options.pre).member("post", first.options.post);
                json.key("units");
                json.array([&] {
                    for (const auto& some : first.units) {
                        json.object([&] { json.member("place", some.layer).member("units", some.units); });
                    }
                });
                json.key("off");
                json.object([&] {
                    for (const auto& some : first.off) json.member(some.layer, some.units);
                });
            });
            json.member("asked", static_cast<std::uint64_t>(queries.size())).member("neurons", scope.neurons);
            json.key("answers");
            json.array([&] {
                for (const Query& query : std::span(queries).first(scope.answers)) {
                    const auto answer = retrace(query, model);
                    const renn::ResultDetail detail{.neurons = scope.neurons};
                    json.object([&] {
                        json.key("sample");
                        write_sample(json, query);
                        json.member("answer", renn::result(answer, detail));
                    });
                }
            });
        });
    }
    out << '\n';
    return out.str();
}

}  // namespace playground
