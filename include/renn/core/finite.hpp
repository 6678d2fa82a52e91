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

namespace renn::detail {

/// x - x is 0 for finite x and NaN else; unlike Eigen 3.4's allFinite its sum is vectorised.
template <class M>
bool all_finite(const M& m) {
    using S = typename M::Scalar;
    return m.size() == 0 || (m.array() - m.array()).sum() == S(0);
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
                raise<DataError>(std::string(where), std::string(what) + ", unit " + std::to_string(i) + ", " + sample,
                                 std::to_string(values(i, j)), "a finite value");
            }
        }
    }
}

}  // namespace renn::detail
