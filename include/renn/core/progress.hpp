// SPDX-License-Identifier: MIT
// renn/core/progress.hpp - how long work tells where it is, and how it is told to stop.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// How far something is that takes long.
struct Progress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;  ///< 0 if unknown
    std::string_view phase;   ///< "training", "recording", "indexing"
};

/// Called now and then, always by the thread that started the work, `done` never falling; returning false cancels, and
/// while it does not return no further part of the work is begun: waiting in it pauses the work. What it throws ends
/// the work and reaches the caller.
using ProgressCallback = std::function<bool(const Progress&)>;

}  // namespace renn::inline RENN_ABI
