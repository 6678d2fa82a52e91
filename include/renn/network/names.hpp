// SPDX-License-Identifier: MIT
// renn/network/names.hpp - what layers are called in a network.
#pragma once

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::detail {

/// "Conv2d" and 3 give "conv2d3".
inline std::string default_name(std::string_view kind, int number) {
    std::string name;
    for (const char c : kind) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name + std::to_string(number);
}

/// "layer 2 (dense1)"
inline std::string numbered(std::size_t place, const std::string& name) {
    return "layer " + std::to_string(place) + " (" + name + ")";
}

/// "[Dense, ReLU]"
inline std::string listed(const std::vector<std::string>& texts) {
    return "[" + joined(texts) + "]";
}

/// Throws DataError if a name is empty, has a '/', or occurs twice.
inline void check_names(const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty() || names[i].find('/') != std::string::npos) {
            raise<DataError>("rename", "name", "\"" + names[i] + "\"", "a name without '/'");
        }
        for (std::size_t j = 0; j < i; ++j) {
            if (names[i] == names[j]) {
                raise<DataError>("rename", "name of layers " + std::to_string(j) + " and " + std::to_string(i),
                                 "\"" + names[i] + "\" twice", "a name of its own for each");
            }
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
