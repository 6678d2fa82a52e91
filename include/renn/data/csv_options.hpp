// SPDX-License-Identifier: MIT
// renn/data/csv_options.hpp - what a table is like, and which of its columns are what.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/data/csv_lines.hpp>

namespace renn::inline RENN_ABI {

/// A column by its name in the header, or by its number: 1 is the first, -1 the last.
struct CsvColumn {
    std::string name = {};
    Index number = 0;

    CsvColumn(const char* n) : name(n) {}
    CsvColumn(std::string n) : name(std::move(n)) {}
    template <std::integral I>
    CsvColumn(I n) : number(static_cast<Index>(n)) {}

    std::string text() const { return name.empty() ? std::to_string(number) : detail::quoted(name); }
};

/// What becomes of cells that say nothing (CsvOptions::missing_texts).
enum class CsvMissing {
    refuse,  ///< an error that says where; in a column of names, NA is a name like any other
    skip,    ///< samples with such a cell among their columns are left out
    mean,    ///< a feature gets the mean of those read of its column; samples without label, target or id are left out
};

/// What was done about missing cells.
struct CsvGaps {
    std::uint64_t skipped = 0;  ///< samples left out
    std::uint64_t filled = 0;   ///< cells that got their column's mean
};

/// What a CSV file looks like, and which columns are what.
struct CsvOptions {
    std::optional<CsvColumn> label = {};   ///< classes: whole numbers or names
    std::vector<CsvColumn> targets = {};   ///< numbers, for regression
    std::vector<CsvColumn> features = {};  ///< inputs, in this order; left out: every column without another use
    std::optional<CsvColumn> id = {};      ///< whole numbers, all different; left out: 0, 1, 2, ...
    bool header = true;                    ///< the first line names the columns
    char separator = ',';
    std::vector<std::string> class_names = {};  ///< labels are their positions here; left out: see read_csv
    std::int32_t most_classes = std::numeric_limits<std::int32_t>::max();  ///< more are an error: not a label's column
    CsvMissing missing = CsvMissing::refuse;
    /// Cells that count as missing, in quotes or not, where these are not refused; left out: empty ones, "?", "NA",
    /// "N/A", "NaN", "nan", "NULL" and "null".
    std::vector<std::string> missing_texts = {};
};

}  // namespace renn::inline RENN_ABI
