// SPDX-License-Identifier: MIT
// playground/app/table_text.hpp - a table as text, before anything is known about it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace playground {

using Table = std::vector<std::vector<std::string>>;

/// Lines are bounded before anything is made of them: a line of nothing but separators is many fields. Throws
/// HttpError 422.
void require_lines(std::string_view text, const std::string& name);

/// Throws renn's errors.
Table first_lines(std::string_view text, const std::string& name, std::size_t most, char separator);

/// "tab", one character, or "auto": the one that parts the first lines into most columns, as many in each. Throws
/// HttpError 422 for others.
char separator_of(const std::string& wanted, std::string_view text, const std::string& name);

}  // namespace playground
