// SPDX-License-Identifier: MIT
// renn/io/json_library.hpp - the JSON library that comes with cereal (RapidJSON), under one name.
//
// To be included by name, so that renn.hpp does not pay for it. Distributions that take RapidJSON out of cereal give it
// its own namespace back.
#pragma once

#include <cstddef>
#include <string>

#include <cereal/archives/json.hpp>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

#ifdef CEREAL_RAPIDJSON_NAMESPACE
namespace rapid = CEREAL_RAPIDJSON_NAMESPACE;
#else
namespace rapid = RAPIDJSON_NAMESPACE;
#endif

/// Zeros behind a text, as the library's check of UTF-8 reads the whole of a sequence that the end cuts off.
inline constexpr std::size_t text_margin = 4;

inline bool is_utf8(std::string text) {
    const std::size_t size = text.size();
    text.append(text_margin, '\0');
    rapid::StringStream in(text.c_str());
    rapid::StringBuffer unused;
    while (in.Tell() < size) {
        if (!rapid::UTF8<>::Validate(in, unused)) return false;
    }
    return true;
}

}  // namespace renn::inline RENN_ABI::detail
