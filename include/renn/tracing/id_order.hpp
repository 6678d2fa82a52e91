// SPDX-License-Identifier: MIT
// renn/tracing/id_order.hpp - positions of samples by ascending id, in memory or, where they do not fit, in a file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/external_sort.hpp>

namespace renn::inline RENN_ABI::detail {

[[noreturn]] inline void refuse_repeated(std::uint64_t id) {
    raise<DataError>("store", "id " + std::to_string(id), "recorded twice", "each id once");
}

/// Empty, or as many positions as were sorted; as a range only in memory.
/// Threads  one, where they are in a file: it is read a piece at a time.
template <class S, class System>
class IdOrder {
public:
    /// `path`: of the file, which is there only as long as this.
    IdOrder(std::string path, System system) : path_(std::move(path)), system_(std::move(system)) {}

    /// Throws DataError for a repeated id. Memory `bytes`, and 4 a sample if the order is to be there.
    template <class Ids>
    void sort(const Ids& ids, std::uint64_t bytes, bool in_memory) {
        size_ = ids.size();
        std::optional<FileWriter<System>> file;
        if (in_memory) {
            positions_.reserve(size_);
        } else {
            remove_.emplace(path_, system_);
            file.emplace(path_, FileWriter<System>::Start::anew, system_);
        }
        std::optional<std::uint64_t> before;
        const auto enough = std::min<std::uint64_t>(size_ * sizeof(SortItem<S>) * 4 / 3 + 64, bytes);
        ExternalSort<S, System> sorter(path_ + ".runs", static_cast<std::size_t>(enough), system_);
        for (std::size_t i = 0; i < size_; ++i) sorter.add(0, ids[i], static_cast<std::uint32_t>(i));
        const auto flush = [&] {
            file->write(positions_.data(), positions_.size() * sizeof(positions_[0]));
            positions_.clear();
        };
        sorter.merge([&](const SortItem<S>& item) {
            if (before && *before == item.id) refuse_repeated(item.id);
            before = item.id;
            positions_.push_back(item.position);
            if (!in_memory && positions_.size() == piece) flush();
        });
        if (in_memory) return;
        flush();
        file->close();
        file_.emplace("sort", path_);
    }

    std::size_t size() const noexcept { return size_; }
    std::uint32_t operator[](std::size_t i) const {
        if (!file_) return positions_[i];
        if (i / piece != loaded_) {
            loaded_ = i / piece;
            const std::size_t first = loaded_ * piece;
            positions_.resize(std::min(piece, size_ - first));
            file_->read_at(first * sizeof(positions_[0]), positions_.data(), positions_.size() * sizeof(positions_[0]));
        }
        return positions_[i % piece];
    }
    operator std::span<const std::uint32_t>() const noexcept { return positions_; }

private:
    static constexpr std::size_t piece = 16384;

    std::string path_;
    System system_;
    std::size_t size_ = 0;
    std::optional<RemoveUnlessKept<System>> remove_;
    mutable std::optional<InputFile> file_;
    mutable std::vector<std::uint32_t> positions_;  ///< all of them, or those of a piece
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
};

}  // namespace renn::inline RENN_ABI::detail
