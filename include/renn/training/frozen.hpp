// SPDX-License-Identifier: MIT
// renn/training/frozen.hpp - layers that training leaves alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI::detail {

/// Names that stand for a layer or for a nested network with all it holds.
class LayerNames {
public:
    explicit LayerNames(const std::vector<std::string>& names) : names_(names), known_(names.size(), 0) {}

    /// Whether one of the names stands for the layer at this path.
    bool take(std::string_view path) {
        paths_.emplace_back(path);
        bool taken = false;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            const std::string& name = names_[i];
            const bool within = path.starts_with(name) && (path.size() == name.size() || path[name.size()] == '/');
            if (!within) continue;
            taken = true;
            known_[i] = 1;
        }
        return taken;
    }
    /// Throws DataError for a name that stood for none.
    void check() const {
        for (std::size_t i = 0; i < names_.size(); ++i) {
            if (known_[i] == 0) raise_unknown("fit", "frozen layer", names_[i], paths_);
        }
    }

private:
    const std::vector<std::string>& names_;
    std::vector<char> known_;
    std::vector<std::string> paths_;
};

/// Keeps the blocks of the named layers as they are. They are put back after each step, so no optimizer, whatever it
/// does with weight decay or momentum, can move a bit of them.
template <class S>
class Frozen {
public:
    /// Throws DataError for a name that is not a layer's.
    template <class Net>
    Frozen(const Net& net, const std::vector<std::string>& names) {
        if (names.empty()) return;
        LayerNames chosen(names);
        for_each_layer(net, [&](std::string_view path, const auto&, const auto& parameters) {
            const bool taken = chosen.take(path);
            for_each_block([&](const auto& b) { note(taken, b.data(), b.size()); }, parameters);
        });
        chosen.check();
    }

    /// A frozen layer has no gradient, so the norm that clipping sees is that of what learns.
    template <class P>
    void clear(P& gradient) const {
        if (frozen_.empty()) return;
        for_each_block(
            [is_frozen = frozen_.begin()](auto& g) mutable {
                if (*is_frozen++) std::fill_n(g.data(), g.size(), S(0));
            },
            gradient);
    }
    template <class P>
    void restore(P& parameters, Moments<P>& moments) const {
        if (frozen_.empty()) return;
        clear(moments.first);
        clear(moments.second);
        for_each_block(
            [is_frozen = frozen_.begin(), from = kept_.data()](auto& w) mutable {
                if (!*is_frozen++) return;
                std::copy_n(from, w.size(), w.data());
                from += w.size();
            },
            parameters);
    }

private:
    void note(bool is_frozen, const S* values, Index count) {
        frozen_.push_back(is_frozen ? char{1} : char{0});
        if (is_frozen) kept_.insert(kept_.end(), values, values + count);
    }

    std::vector<char> frozen_;  ///< one a block
    std::vector<S> kept_;       ///< values of the frozen ones
};

}  // namespace renn::inline RENN_ABI::detail
