// SPDX-License-Identifier: MIT
// playground/http/target.hpp - the address in the first line of a request, taken apart.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace playground {

struct Target {
    std::string path;                          ///< decoded
    std::map<std::string, std::string> query;  ///< decoded; of a name given twice the last value
};

/// "/api/x%20y?a=1&b=2"; nothing for what does not begin with a slash, is badly encoded or hides a NUL in its path.
std::optional<Target> parse_target(std::string_view text);

}  // namespace playground
