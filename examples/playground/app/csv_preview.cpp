// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "table_text.hpp"
#include "upload.hpp"

namespace playground {
namespace {

bool numeric(const std::string& text) {
    double value = 0.0;
    return read_number(std::string_view(text).substr(text.size() > 1 && text[0] == '+' ? 1 : 0), value);
}

bool all_numeric(const Table& table, std::size_t column, std::size_t from) {
    return std::all_of(table.begin() + static_cast<std::ptrdiff_t>(std::min(from, table.size())), table.end(),
                       [&](const auto& row) { return column >= row.size() || numeric(row[column]); });
}

/// A first line that names columns holds no number.
bool guess_header(const Table& table) {
    return table.empty() || std::ranges::none_of(table[0], numeric);
}

}  // namespace

Json preview_csv(const Parameters& parameters, std::string_view text) {
    const std::string name = name_of(parameters, "name", "table.csv");
    require_lines(text, name);
    const char separator = separator_of(text_of(parameters, "separator", ","), text, name);
    const Table table = first_lines(text, name, 200, separator);
    if (table.empty()) throw HttpError(422, "empty", name + ": got no line, expected a table");
    const std::size_t width = table[0].size();
    const bool header = flag_of(parameters, "header", guess_header(table));
    constexpr std::size_t most_columns = 500, most_rows = 9;
    Json columns = Json::array(), rows = Json::array();
    std::optional<std::size_t> label;
    for (std::size_t c = 0; c < std::min(width, most_columns); ++c) {
        std::set<std::string> distinct;
        for (std::size_t r = header ? 1 : 0; r < table.size(); ++r) {
            if (c < table[r].size()) distinct.insert(table[r][c].substr(0, 60));
        }
        const bool numbers = all_numeric(table, c, header ? 1 : 0);
        if (!numbers || table[0][c] == "label" || table[0][c] == "class") label = c;
        columns.push_back({{"name", header ? table[0][c].substr(0, 60) : "column " + std::to_string(c + 1)},
                           {"numeric", numbers},
                           {"distinct", distinct.size()}});
    }
    for (std::size_t r = header ? 1 : 0; r < table.size() && rows.size() < most_rows; ++r) {
        Json row = Json::array();
        for (std::size_t c = 0; c < std::min(table[r].size(), most_columns); ++c)
            row.push_back(table[r][c].substr(0, 60));
        rows.push_back(std::move(row));
    }
    return {{"separator", std::string(1, separator)},
            {"header", header},
            {"width", width},
            {"columns", std::move(columns)},
            {"rows", std::move(rows)},
            {"label", label ? Json(*label + 1) : Json()}};
}

}  // namespace playground
