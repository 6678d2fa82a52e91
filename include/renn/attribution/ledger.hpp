// SPDX-License-Identifier: MIT
// renn/attribution/ledger.hpp - where relevance went at each layer, so that sums can be checked.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// What one layer did with the relevance that arrived above it; sums over its units, one number a sample:
///
///     arrived = left + bias + stabiliser + dropped + padding + unaccounted()
template <class S>
struct LedgerLine {
    std::string layer;           ///< its path; of a residual sum, the path of the Residual
    std::string_view rule = {};  ///< name of its rule
    Column<double> arrived;      ///< above it
    Column<double> left;         ///< below it
    Column<double> bias;         ///< taken by its biases
    Column<double> stabiliser;   ///< lost because a denominator is stabilised
    Column<double> dropped;      ///< of units, or positive or negative parts of units, that have nowhere to send it
    Column<double> padding;      ///< of units that see nothing but padding
    Batch<S> relevance;          ///< what arrived, units x n; kept on request only

    /// What rounding makes of the sum.
    Column<double> unaccounted() const { return arrived - left - bias - stabiliser - dropped - padding; }

    /// Starts again, for n samples.
    void reset(Index n) {
        for (Column<double>* column : {&arrived, &left, &bias, &stabiliser, &dropped, &padding}) {
            if (column->size() != n) column->resize(n);
            column->setZero();
        }
    }
};

/// One line a layer, in the order of the forward pass, with one more for each residual sum.
template <class S>
struct Ledger {
    std::vector<LedgerLine<S>> lines;

    bool empty() const noexcept { return lines.empty(); }

    /// Throws DataError for a layer that it does not have.
    const LedgerLine<S>& operator[](std::string_view layer) const {
        for (const LedgerLine<S>& line : lines) {
            if (line.layer == layer) return line;
        }
        detail::raise_unknown("Ledger", "layer", layer, lines, [](const auto& line) { return line.layer; });
    }

    /// The greatest |unaccounted| of a layer and sample, as a share of the greatest number in that line.
    double worst() const {
        double worst = 0.0;
        for (const LedgerLine<S>& line : lines) {
            const Column<double> off = line.unaccounted();
            for (Index j = 0; j < off.size(); ++j) {
                double scale = 0.0;
                for (const auto* of :
                     {&line.arrived, &line.left, &line.bias, &line.stabiliser, &line.dropped, &line.padding}) {
                    scale = std::max(scale, std::abs((*of)[j]));
                }
                if (scale > 0.0) worst = std::max(worst, std::abs(off[j]) / scale);
            }
        }
        return worst;
    }

    /// A table to print, of one sample. Throws DataError if there is no such sample.
    std::string text(Index sample) const {
        std::size_t width = 5;
        for (const LedgerLine<S>& line : lines) width = std::max(width, line.layer.size());
        std::string table;
        row(table, width, "layer", "rule", {"arrived", "left", "bias", "stabiliser", "dropped", "padding"});
        for (const LedgerLine<S>& line : lines) {
            if (sample < 0 || sample >= line.arrived.size()) {
                detail::raise<DataError>("Ledger::text", "sample", std::to_string(sample),
                                         "0.." + std::to_string(line.arrived.size() - 1));
            }
            std::vector<std::string> numbers;
            for (const auto* of :
                 {&line.arrived, &line.left, &line.bias, &line.stabiliser, &line.dropped, &line.padding}) {
                char digits[32];
                std::snprintf(digits, sizeof digits, "%.5g", (*of)[sample]);
                numbers.emplace_back(digits);
            }
            row(table, width, line.layer, line.rule, numbers);
        }
        return table;
    }

private:
    static void row(std::string& table, std::size_t width, std::string_view layer, std::string_view rule,
                    const std::vector<std::string>& cells) {
        const auto cell = [&table](std::string_view text, std::size_t space, bool right) {
            const std::string gap(space > text.size() ? space - text.size() : 0, ' ');
            table += right ? gap + std::string(text) : std::string(text) + gap;
        };
        cell(layer, width + 2, false);
        cell(rule, 12, false);
        for (const std::string& text : cells) cell(text, 13, true);
        table += '\n';
    }
};

}  // namespace renn::inline RENN_ABI
