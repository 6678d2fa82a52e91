// SPDX-License-Identifier: MIT
// renn/attribution/blocks.hpp - a large batch in parts whose passes stay in the cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/network/for_each_layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// How many samples leave about 4 MiB behind, of outputs and of what comes back: with more, every layer of a wide
/// network waits for memory.
template <class Net>
Index samples_at_once(const Net& net, Index features) {
    Index width = features, values = 2 * features;
    for_each_layer(net, [&](std::string_view, const auto& layer, const auto&) {
        if constexpr (requires { layer.out_features(); }) {
            if (layer.out_features() != Dynamic) width = layer.out_features();
        }
        values += 2 * width;
    });
    constexpr Index room = (Index{4} << 20) / static_cast<Index>(sizeof(typename Net::Scalar));
    return std::max<Index>(1, room / std::max<Index>(1, values));
}

/// Calls f(part of x, the target for it, its first sample) until every sample had its turn; all at once if they are
/// few, or the target cannot be parted. All parts are of one size, so that nothing is allocated anew; the last may
/// overlap the one before.
template <class Net, class T, class F>
void in_blocks(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target, F&& f) {
    if constexpr (PartedTarget<T>) {
        const Index n = x.cols(), size = samples_at_once(net, x.rows());
        if (size < n) {
            for (Index at = 0; at < n; at += size) {
                const Index first = std::min(at, n - size);
                const T part = target.part(first, size, n);
                f(BatchView<typename Net::Scalar>(x.middleCols(first, size)), part, first);
            }
            return;
        }
    }
    f(x, target, Index{0});
}

}  // namespace renn::inline RENN_ABI::detail
