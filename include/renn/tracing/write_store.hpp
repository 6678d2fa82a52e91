// SPDX-License-Identifier: MIT
// renn/tracing/write_store.hpp - any store as a file.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/index/column.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/store_output.hpp>
#include <renn/version.hpp>

namespace renn::inline RENN_ABI {

/// How a store is written; what is read from the file does not depend on it.
struct WriteOptions {
    bool sorted = true;              ///< units of one dimension with their index: open, and query at once
    int threads = 1;                 ///< that sort; 0: every core
    std::uint64_t data = 0;          ///< fingerprint of the data recorded (data_fingerprint), 0: unknown
    ProgressCallback progress = {};  ///< in columns; false cancels: no file is left
};

/// Writes a store to a file that FileStore opens. It appears whole or not at all. A source is any ActivationStore; its
/// values(unit, dimension, scratch) are asked in ascending order of (point, unit, dimension), with `threads` > 1 by
/// several threads at once. Returns false if the callback cancelled.
/// Throws   FormatError naming file and cause if it cannot be written; DataError for values that are not finite.
/// Cost     a radix sort a unit; memory two columns a thread.
template <ActivationStore Source>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options = {});

}  // namespace renn::inline RENN_ABI
