// SPDX-License-Identifier: MIT
// renn/version.hpp - the version's one home; CMake reads it from here.
#pragma once

#define RENN_VERSION_MAJOR 0
#define RENN_VERSION_MINOR 1
#define RENN_VERSION_PATCH 0

namespace renn {

/// Of the library, as in the macros above.
inline constexpr const char* version = "0.1.0";

}  // namespace renn
