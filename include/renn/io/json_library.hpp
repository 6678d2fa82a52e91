// SPDX-License-Identifier: MIT
// renn/io/json_library.hpp - the JSON library that comes with cereal (RapidJSON), under one name.
//
// To be included by name, so that renn.hpp does not pay for it. Distributions that take RapidJSON out of cereal give it
// its own namespace back.
#pragma once

#include <cereal/archives/json.hpp>

namespace renn::detail {

#ifdef CEREAL_RAPIDJSON_NAMESPACE
namespace rapid = CEREAL_RAPIDJSON_NAMESPACE;
#else
namespace rapid = RAPIDJSON_NAMESPACE;
#endif

}  // namespace renn::detail
