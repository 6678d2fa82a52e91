// SPDX-License-Identifier: MIT
// renn/data/csv_values.hpp - numbers of a table whose length is known when it ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI::detail {

/// Values that come one after the other, their number unknown. They wait in pieces: one vector for all would ask for
/// twice what it holds as it grows.
template <class T>
class CsvValues {
public:
    /// Where the next ones are to be appended.
    std::vector<T>& end() {
        if (last_.size() >= piece) {
            size_ += last_.size();
            pieces_.push_back(std::move(last_));
            last_.clear();
            last_.reserve(piece + piece / 8);
        }
        return last_;
    }
    std::size_t size() const noexcept { return size_ + last_.size(); }

    /// Hands all over to memory for size() of them, giving up piece after piece.
    void move_to(T* out) {
        for (std::vector<T>& values : pieces_) {
            out = std::copy(values.begin(), values.end(), out);
            std::vector<T>().swap(values);
        }
        std::copy(last_.begin(), last_.end(), out);
    }
    Batch<T> columns(Index rows, Index count) {
        Batch<T> all(rows, count);
        move_to(all.data());
        return all;
    }

private:
    static constexpr std::size_t piece = (std::size_t{1} << 19) / sizeof(T);
    std::vector<std::vector<T>> pieces_;
    std::vector<T> last_;
    std::size_t size_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
