// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>
#include <vector>

#include <renn/data/statistics.hpp>

#include "table_text.hpp"
#include "upload.hpp"
#include "upload_parts.hpp"
#include "watched_text.hpp"

namespace playground {
namespace {

std::vector<renn::CsvColumn> columns_of(const Parameters& parameters, const std::string& name,
                                        const DataLimits& limits) {
    std::vector<renn::CsvColumn> columns;
    const std::string text = text_of(parameters, name, "");
    const auto wrong = [&] { refuse_parameter(name, text, "numbers of columns from 1, or ranges (2-5), by commas"); };
    const char* const end = text.data() + text.size();
    const auto take = [&](const char*& at) {
        std::int64_t number = 0;
        const auto read = std::from_chars(at, end, number);
        if (read.ec != std::errc{} || number < 1 || number > limits.features) wrong();
        at = read.ptr;
        return number;
    };
    for (const char* at = text.data(); at != end;) {
        const std::int64_t from = take(at);
        const std::int64_t to = at != end && *at == '-' ? take(++at) : from;
        if (at != end && *at++ != ',') wrong();
        if (to < from || std::ssize(columns) + to - from >= limits.features) wrong();
        for (std::int64_t number = from; number <= to; ++number) columns.emplace_back(number);
    }
    return columns;
}

std::vector<std::string> names_of(const std::vector<renn::CsvColumn>& columns, const std::vector<std::string>& first,
                                  bool header) {
    std::vector<std::string> names;
    for (const renn::CsvColumn& column : columns) {
        const auto c = static_cast<std::size_t>(column.number - 1);
        if (c < first.size()) names.push_back(header ? first[c].substr(0, 60) : "column " + column.text());
    }
    return names;
}

/// Every column that is put to no other use.
std::vector<renn::CsvColumn> other_columns(const renn::CsvOptions& options, std::size_t width) {
    std::vector<renn::CsvColumn> others;
    for (renn::Index c = 1; std::cmp_less_equal(c, width); ++c) {
        const bool label = options.label && options.label->number == c;
        const bool target = std::ranges::any_of(options.targets, [&](const auto& t) { return t.number == c; });
        if (!label && !target) others.emplace_back(c);
    }
    return others;
}

renn::Dataset<float> standardized(const renn::Dataset<float>& part, const DataSet& by) {
    renn::Batch<float> values = part.values();
    values.colwise() -= by.shift;
    values.array().colwise() /= by.scale.array();
    return {std::move(values), part.description()};
}

}  // namespace

CsvUpload parse_csv_upload(const Parameters& parameters, const DataLimits& limits) {
    CsvUpload upload{.name = name_of(parameters, "name", "table.csv"),
                     .separator = text_of(parameters, "separator", ","),
                     .columns = {.targets = columns_of(parameters, "targets", limits),
                                 .features = columns_of(parameters, "features", limits),
                                 .header = flag_of(parameters, "header", true),
                                 .most_classes = limits.classes},
                     .split = parse_split(parameters),
                     .standardize = flag_of(parameters, "standardize", false)};
    renn::CsvOptions& columns = upload.columns;
    if (parameters.contains("label")) {
        columns.label = number_of<std::int64_t>(parameters, "label", 1, 1, std::int64_t{1} << 20U, "a column's number");
    }
    if (columns.label && !columns.targets.empty()) refuse_parameter("targets", "both", "a label or targets");
    if (!columns.label && columns.targets.empty()) {
        throw HttpError(422, "label", upload.name + ": choose a column with the label, or columns with target values");
    }
    return upload;
}

DataSet read_csv(const CsvUpload& upload, std::string_view text, const DataLimits& limits,
                 const renn::ProgressCallback& progress) {
    const std::string& name = upload.name;
    require_lines(text, name);
    renn::CsvOptions options = upload.columns;
    options.separator = separator_of(upload.separator, text, name);
    const Table head = first_lines(text, name, 1, options.separator);
    const std::vector<std::string> first = head.empty() ? std::vector<std::string>() : head[0];
    if (std::cmp_greater(first.size(), limits.features)) {
        throw HttpError(422, "features",
                        name + ": got " + std::to_string(first.size()) + " columns, expected at most " +
                            std::to_string(limits.features));
    }
    if (options.features.empty()) options.features = other_columns(options, first.size());
    DataSet data{.name = "csv", .title = name};
    data.feature_names = names_of(options.features, first, options.header);
    data.target_names = names_of(options.targets, first, options.header);
    WatchedText in(text, progress);
    const auto all = renn::read_csv<float>(in, name, std::move(options));
    require_size(all.bytes(), limits);
    split(data, all, upload.split, name);
    if (upload.standardize) {
        const auto statistics = renn::feature_statistics(data.train);
        data.shift = statistics.shift<float>();
        data.scale = statistics.scale<float>();
        data.train = standardized(data.train, data);
        data.test = standardized(data.test, data);
    }
    require_size(data.bytes(), limits);
    return data;
}

}  // namespace playground
