// SPDX-License-Identifier: MIT
// renn/core/finite.hpp - where a NaN or an infinity first shows.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::detail {

/// x - x is 0 for finite x and NaN else. Many sums side by side, unlike Eigen 3.4's allFinite or a sum over a block:
/// packets that do not wait for each other.
template <class S>
bool all_finite(const S* values, Index count) {
    constexpr Index width = 32;
    S sums[width] = {};
    const Index whole = count - count % width;
    for (Index i = 0; i < whole; i += width) {
        for (Index l = 0; l < width; ++l) sums[l] += values[i + l] - values[i + l];
    }
    for (Index i = whole; i < count; ++i) sums[0] += values[i] - values[i];
    S sum = 0;
    for (const S s : sums) sum += s;
    return sum == S(0);
}

template <class M>
bool all_finite(const M& m) {
    if (m.outerStride() == m.rows()) return all_finite(m.data(), m.size());
    bool finite = true;
    for (Index j = 0; j < m.cols(); ++j) finite = finite && all_finite(m.data() + j * m.outerStride(), m.rows());
    return finite;
}

/// Throws DataError naming place, unit and sample if a value is not finite. Ids: one a column, or none.
template <class S>
void require_finite(std::string_view where, std::string_view what, const BatchView<S>& values,
                    std::span<const std::uint64_t> ids = {}) {
    if (all_finite(values)) return;
    for (Index j = 0; j < values.cols(); ++j) {
        for (Index i = 0; i < values.rows(); ++i) {
            if (!std::isfinite(values(i, j))) {
                const std::string sample = ids.empty() ? "column " + std::to_string(j)
                                                       : "sample " + std::to_string(ids[static_cast<std::size_t>(j)]);
                raise<DataError>(where, std::string(what) + ", unit " + std::to_string(i) + ", " + sample,
                                 std::to_string(values(i, j)), "a finite value");
            }
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
