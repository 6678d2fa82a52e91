// SPDX-License-Identifier: MIT
// support/table.hpp - tables in Markdown, and numbers with their spread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

/// Rows of text; the first is the head.
class Table {
public:
    explicit Table(std::vector<std::string> head) { add(std::move(head)); }

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    void print() const {
        std::vector<std::size_t> widths;
        for (const auto& row : rows_) {
            widths.resize(std::max(widths.size(), row.size()), 3);
            for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], letters(row[c]));
        }
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            print(rows_[r], widths);
            if (r > 0) continue;
            std::vector<std::string> line;
            for (std::size_t c = 0; c < widths.size(); ++c) {
                line.push_back(std::string(widths[c] - 1, '-') + (c == 0 ? "-" : ":"));
            }
            print(line, widths);
        }
        std::printf("\n");
        std::fflush(stdout);
    }

private:
    /// Of UTF-8.
    static std::size_t letters(const std::string& text) {
        return static_cast<std::size_t>(std::count_if(
            text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
    }

    static void print(const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
        for (std::size_t c = 0; c < widths.size(); ++c) {
            const std::string text = c < row.size() ? row[c] : "";
            const std::string space(widths[c] - letters(text), ' ');
            std::printf("| %s ", (c == 0 ? text + space : space + text).c_str());
        }
        std::printf("|\n");
    }

    std::vector<std::vector<std::string>> rows_;
};

inline std::string fixed(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}
inline std::string percent(double part, int decimals = 2) {
    return fixed(100.0 * part, decimals);
}

inline double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// "0.953 +- 0.002": mean and standard deviation; of one value, the value.
inline std::string mean_and_spread(const std::vector<double>& values, int decimals = 3) {
    const double mean = mean_of(values);
    if (values.size() < 2) return fixed(mean, decimals);
    double squares = 0.0;
    for (const double v : values) squares += (v - mean) * (v - mean);
    return fixed(mean, decimals) + " +- " +
           fixed(std::sqrt(squares / static_cast<double>(values.size() - 1)), decimals);
}
