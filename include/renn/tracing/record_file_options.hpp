// SPDX-License-Identifier: MIT
// renn/tracing/record_file_options.hpp - how a recording into a file runs, and what became of it.
#pragma once

#include <cstdint>

#include <renn/core/batch.hpp>
#include <renn/core/progress.hpp>

namespace renn::inline RENN_ABI {

/// How a recording into a file runs; the file does not depend on it, but for `sorted` and `data`.
struct RecordFileOptions {
    Index batch = 64;                ///< samples run at once
    int threads = 0;                 ///< 0: every core, where the model may run in parallel
    ProgressCallback progress = {};  ///< phases "checking" and "recording" in samples, "writing" in columns of values;
                                     ///< false cancels: what was recorded stays, to be resumed
    std::uint64_t budget = std::uint64_t{256} << 20;  ///< bytes of memory, beside the model's and those of the data
    Index segment = 0;       ///< samples that are written, and lost, together; 0: what the budget suggests
    bool resume = true;      ///< goes on with the recording that was interrupted, if there is one; else begins anew
    bool sorted = true;      ///< units of one dimension with their index: open, and query at once
    std::uint64_t data = 0;  ///< fingerprint of what a stream yields, if it has one; a Dataset has its own
};

/// What became of it.
struct RecordedFile {
    bool finished = false;      ///< the file is there; else the callback cancelled
    Index samples = 0;          ///< recorded so far
    Index resumed = 0;          ///< of these, found in the journal
    std::uint64_t dropped = 0;  ///< bytes of the journal that were torn or damaged, and recorded again
    explicit operator bool() const noexcept { return finished; }
};

}  // namespace renn::inline RENN_ABI
