// SPDX-License-Identifier: MIT
// renn/training/frozen.hpp - layers that training leaves alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI::detail {

/// Keeps the blocks of the named layers as they are. They are put back after each step, so no optimizer, whatever it
/// does with weight decay or momentum, can move a bit of them.
template <class P>
class Frozen {
public:
    /// A name stands for a layer or for a nested network with all it holds. Throws DataError for one that is neither.
    template <class Net>
    Frozen(const Net& net, const std::vector<std::string>& names) {
        if (names.empty()) return;
        std::vector<bool> known(names.size());
        std::string paths;
        for_each_layer(net, [&](std::string_view path, const auto&, const auto& parameters) {
            bool frozen = false;
            for (std::size_t i = 0; i < names.size(); ++i) {
                const bool within =
                    path.starts_with(names[i]) && (path.size() == names[i].size() || path[names[i].size()] == '/');
                if (within) frozen = known[i] = true;
            }
            for_each_block([&](const auto&) { frozen_.push_back(frozen); }, parameters);
            paths.append(paths.empty() ? "" : ", ").append(path);
        });
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!known[i]) raise<DataError>("fit", "frozen layer", "\"" + names[i] + "\"", "one of " + paths);
        }
        kept_ = net.parameters();
    }

    /// A frozen layer has no gradient, so the norm that clipping sees is that of what learns.
    void clear(P& gradient) const {
        if (!kept_) return;
        for_each_block(
            [&, i = std::size_t{0}](auto& g) mutable {
                if (frozen_[i++]) std::fill_n(g.data(), g.size(), 0);
            },
            gradient);
    }
    void restore(P& parameters, Moments<P>& moments) const {
        if (!kept_) return;
        for_each_block(
            [&, i = std::size_t{0}](auto& w, const auto& kept, auto& first, auto& second) mutable {
                if (!frozen_[i++]) return;
                std::copy_n(kept.data(), kept.size(), w.data());
                std::fill_n(first.data(), first.size(), 0);
                std::fill_n(second.data(), second.size(), 0);
            },
            parameters, *kept_, moments.first, moments.second);
    }

private:
    std::vector<bool> frozen_;  ///< one a block
    std::optional<P> kept_;
};

}  // namespace renn::inline RENN_ABI::detail
