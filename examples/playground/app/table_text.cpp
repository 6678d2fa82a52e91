// SPDX-License-Identifier: MIT
#include "table_text.hpp"

#include <algorithm>

#include <renn/data/csv.hpp>

#include "../http/message.hpp"
#include "parameters.hpp"
#include "watched_text.hpp"

namespace playground {
namespace {

char guess_separator(std::string_view text, const std::string& name) {
    char best = ',';
    std::size_t columns = 1;
    for (const char separator : {',', ';', '\t', '|', ' '}) {
        try {
            const Table table = first_lines(text, name, 20, separator);
            const bool even = std::ranges::all_of(table, [&](const auto& r) { return r.size() == table[0].size(); });
            if (table.empty() || !even || table[0].size() <= columns) continue;
            best = separator;
            columns = table[0].size();
        } catch (const renn::Error&) {  // not with this one
            continue;
        }
    }
    return best;
}

}  // namespace

void require_lines(std::string_view text, const std::string& name) {
    constexpr std::size_t longest = std::size_t{1} << 20U;
    std::size_t line = 1;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (end > longest) {
            throw HttpError(422, "line",
                            name + ": line " + std::to_string(line) + ": got " + std::to_string(end) +
                                " bytes, expected at most " + std::to_string(longest));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
        ++line;
    }
}

Table first_lines(std::string_view text, const std::string& name, std::size_t most, char separator) {
    WatchedText in(text);
    return renn::csv_lines(in, name, most, separator);
}

char separator_of(const std::string& wanted, std::string_view text, const std::string& name) {
    if (wanted == "auto") return guess_separator(text, name);
    if (wanted == "tab") return '\t';
    if (wanted.size() != 1) refuse_parameter("separator", wanted, "one character, \"tab\" or \"auto\"");
    return wanted[0];
}

}  // namespace playground
