// SPDX-License-Identifier: MIT
// renn/retrace/spares.hpp - memory of answers that are gone, for the next ones.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// Vectors that somebody has done with, for whoever needs some; safe to use from several threads at once. Freed memory
/// goes back to the system, which clears it page by page when it is asked for again: a tenth of the time of a batch.
template <class T>
class Spares {
public:
    static constexpr std::size_t most = 1024;                        ///< vectors that are kept,
    static constexpr std::size_t most_bytes = std::size_t{1} << 25;  ///< and their memory in all

    Spares() { kept_.reserve(most); }

    /// An empty one, most often with room.
    std::vector<T> take() {
        const std::lock_guard lock(guard_);
        if (kept_.empty()) return {};
        std::vector<T> one = std::move(kept_.back());
        kept_.pop_back();
        bytes_ -= size(one);
        return one;
    }

    void give(std::vector<T>&& one) noexcept {
        one.clear();
        const std::lock_guard lock(guard_);
        if (one.capacity() == 0 || kept_.size() == most || size(one) > most_bytes - bytes_) return;
        bytes_ += size(one);
        kept_.push_back(std::move(one));
    }

private:
    static std::size_t size(const std::vector<T>& one) noexcept { return one.capacity() * sizeof(T); }

    std::mutex guard_;
    std::vector<std::vector<T>> kept_;
    std::size_t bytes_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
