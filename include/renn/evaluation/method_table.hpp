// SPDX-License-Identifier: MIT
// renn/evaluation/method_table.hpp - methods against metrics, with intervals, directions and times.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/significance.hpp>

namespace renn::inline RENN_ABI {

/// Which way of a metric is better.
enum class Better : std::uint8_t { higher, lower, towards_zero };

/// One report: what each method got in each metric. Fill it with metrics of the same samples and seed; rows and columns
/// appear in the order in which they were first named.
class MethodTable {
public:
    /// A metric of a method, with the seconds it took to explain and measure. Throws DataError if it was there already
    /// or the metric was said to be better the other way.
    void add(const std::string& method, const std::string& metric, Better better, Measurement measured,
             double seconds = 0.0) {
        const auto known = std::find(metrics_.begin(), metrics_.end(), metric);
        if (known != metrics_.end() && better_[static_cast<std::size_t>(known - metrics_.begin())] != better) {
            detail::raise<DataError>("MethodTable", "\"" + metric + "\"", "better in another direction",
                                     "always the same");
        }
        const std::size_t row = place(methods_, method), column = place(metrics_, metric);
        if (column == better_.size()) better_.push_back(better);
        for (const Cell& cell : cells_) {
            if (cell.row == row && cell.column == column) {
                detail::raise<DataError>("MethodTable", "\"" + metric + "\" of \"" + method + "\"", "a second one",
                                         "one");
            }
        }
        cells_.push_back({row, column, std::move(measured), seconds});
    }

    const std::vector<std::string>& methods() const noexcept { return methods_; }
    const std::vector<std::string>& metrics() const noexcept { return metrics_; }

    /// Throws DataError if there is none.
    const Measurement& at(const std::string& method, const std::string& metric) const {
        for (const Cell& cell : cells_) {
            if (methods_[cell.row] == method && metrics_[cell.column] == metric) return cell.measured;
        }
        detail::raise<DataError>("MethodTable", "cell", "\"" + metric + "\" of \"" + method + "\"",
                                 "one that was added");
    }

    /// Sample by sample: a metric of one method less that of another.
    PairedComparison compare(const std::string& method, const std::string& other, const std::string& metric,
                             std::uint64_t seed = 0) const {
        return compare_paired(at(method, metric).per_sample, at(other, metric).per_sample, seed);
    }

    /// A line a method: score and half of its bootstrap 95 % interval, + dropped samples if any; and its seconds.
    /// A metric's arrow says what is better: ^ higher, v lower, 0 towards zero.
    std::string text(std::uint64_t seed = 0) const {
        std::vector<std::vector<std::string>> lines(methods_.size() + 1,
                                                    std::vector<std::string>(metrics_.size() + 2, "-"));
        lines[0].front() = "method";
        lines[0].back() = "seconds";
        for (std::size_t m = 0; m < metrics_.size(); ++m) {
            const Better b = better_[m];
            lines[0][m + 1] = metrics_[m] + (b == Better::higher ? " ^" : b == Better::lower ? " v" : " 0");
        }
        std::vector<double> seconds(methods_.size());
        for (const Cell& cell : cells_) {
            const Interval i = bootstrap_interval(cell.measured.per_sample, seed);
            std::string& text = lines[cell.row + 1][cell.column + 1];
            text = number(cell.measured.score) + " +- " + number(0.5 * (i.high - i.low));
            if (cell.measured.dropped > 0) text += " (-" + std::to_string(cell.measured.dropped) + ")";
            seconds[cell.row] += cell.seconds;
        }
        std::string result;
        for (std::size_t row = 0; row < methods_.size(); ++row) {
            lines[row + 1].front() = methods_[row];
            lines[row + 1].back() = number(seconds[row]);
        }
        std::vector<std::size_t> widths(metrics_.size() + 2);
        for (const auto& line : lines) {
            for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
        }
        for (const auto& line : lines) {
            for (std::size_t c = 0; c < line.size(); ++c) {
                const bool last = c + 1 == line.size();
                result += line[c] + (last ? "\n" : std::string(widths[c] - line[c].size() + 2, ' '));
            }
        }
        return result;
    }

private:
    struct Cell {
        std::size_t row, column;
        Measurement measured;
        double seconds;
    };

    static std::size_t place(std::vector<std::string>& names, const std::string& name) {
        const auto at = std::find(names.begin(), names.end(), name);
        if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
        names.push_back(name);
        return names.size() - 1;
    }
    static std::string number(double v) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%.3g", v);
        return text.data();
    }

    std::vector<std::string> methods_, metrics_;
    std::vector<Better> better_;
    std::vector<Cell> cells_;
};

}  // namespace renn::inline RENN_ABI
