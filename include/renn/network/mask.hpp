// SPDX-License-Identifier: MIT
// renn/network/mask.hpp - switches units of a network off, without touching its weights.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>
#include <renn/network/layer_paths.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/network/masked_tangents.hpp>
#include <renn/network/masked_units.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// What stands between a walk and whoever watches it: holds the masked units, and hands everything on.
template <class V>
class MaskVisitor {
public:
    /// `inside`: length of the path at which the masked network stands, with its slash.
    MaskVisitor(const Mask& mask, V& visitor, std::size_t inside) : mask_(mask), visitor_(visitor), inside_(inside) {}

    template <class S>
    bool edit(std::string_view path, Batch<S>& y) {
        bool edited = false;
        for (const MaskedUnits& place : mask_) {
            if (path.substr(inside_) != place.layer) continue;
            hold(place, y);
            edited = true;
        }
        if constexpr (ForwardEditor<V, S>) edited = visitor_.edit(path, y) || edited;
        return edited;
    }
    void visit(const auto& step) { visitor_.visit(step); }

private:
    const Mask& mask_;
    V& visitor_;
    std::size_t inside_;
};

/// What stands between a reverse walk and its rule: nothing goes below a masked unit, whose value nothing can change.
template <class Rule, class S>
class MaskRule {
public:
    MaskRule(const Mask& mask, Rule& rule, std::size_t inside) : mask_(mask), rule_(rule), inside_(inside) {}

    BatchView<S> arrive(std::string_view path, const BatchView<S>& y, const BatchView<S>& above) {
        const auto given = [&]() -> BatchView<S> {
            if constexpr (ReverseEditor<Rule, S>) {
                return rule_.arrive(path, y, above);
            } else {
                return above;
            }
        };
        bool held = false;
        for (const MaskedUnits& place : mask_) {
            if (path.substr(inside_) != place.layer) continue;
            if (!held) below_ = given();
            held = true;
            stop(place, below_);
        }
        return held ? BatchView<S>(below_) : given();
    }
    Rule& rule() noexcept { return rule_; }

private:
    const Mask& mask_;
    Rule& rule_;
    std::size_t inside_;
    Batch<S> below_;
};

template <class Rule, class S, class L, class Below>
void reverse(MaskRule<Rule, S>& held, const Step<L>& s, X<L> above, Below& below) {
    reverse(held.rule(), s, above, below);
}
template <class Rule, class S>
BatchView<S> share(MaskRule<Rule, S>& held, std::string_view path, const BatchView<S>& branch, const BatchView<S>& sum,
                   const BatchView<S>& above, Batch<S>& scratch) {
    return share(held.rule(), path, branch, sum, above, scratch);
}

/// Throws DataError for a place or unit that the network does not have.
template <class Net>
void check_mask(const Net& net, const Mask& mask) {
    check_mask(mask);
    const std::vector<std::string> paths = layer_paths(net);
    for (const MaskedUnits& place : mask) {
        if (std::find(paths.begin(), paths.end(), place.layer) == paths.end())
            raise_no_place("mask", place.layer, paths);
    }
    if (mask.empty() || net.in_features() == Dynamic) return;
    using S = typename Net::Scalar;
    const Batch<S> any = Batch<S>::Zero(net.in_features(), 1);
    Workspace<Net> workspace;
    Path path;
    NoVisit none;
    MaskVisitor<NoVisit> held(mask, none, 0);
    net.walk(net.parameters(), any, workspace.output, workspace.cache, Pass{}, held, path);
}

}  // namespace detail

/// A network some of whose units are held at fixed values: 0, or their mean (mean ablation). It stands wherever a
/// network does in evaluation (predict, evaluate, activations, trace, another network) and is told apart by its
/// fingerprint; with an empty mask it is the network, bit for bit and by fingerprint. The weights stay as they are:
/// network() is the network unchanged. Attribution and other reverse walks see the network as it runs: nothing goes
/// through a masked unit. So do second derivatives, where the masked layers are the network's own, not inside others.
///
///     renn::evaluate(renn::masked(net, {{.layer = "relu1", .units = {3, 17}}}), test)
///
/// Throws   DataError for a layer or unit that the network does not have, a unit named twice, or a value that is not
///          finite, naming it: units when the mask is set if the network knows its input's width, else in the first
///          pass.
/// Cost     setting a mask, a forward pass of one sample; a pass, writing the values held.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <CompositeLayer Net>
class Masked {
public:
    using Scalar = typename Net::Scalar;
    using Parameters = typename Net::Parameters;
    using Cache = typename Net::Cache;
    static constexpr std::string_view name = "Masked";
    static constexpr Wiring wiring = Net::wiring;
    using Tangents = detail::MaskedTangents<Net>;

    explicit Masked(Net net, Mask mask = {}) : net_(std::move(net)) { set_mask(std::move(mask)); }

    const Net& network() const noexcept { return net_; }
    const Mask& mask() const noexcept { return mask_; }

    /// Another mask in place of this one. If it is refused, nothing has changed.
    void set_mask(Mask mask) {
        detail::check_mask(net_, mask);
        mask_ = std::move(mask);
    }

    const Parameters& parameters() const noexcept { return net_.parameters(); }
    Index in_features() const noexcept { return net_.in_features(); }
    Index out_features() const noexcept { return net_.out_features(); }
    std::size_t size() const noexcept { return static_cast<std::size_t>(net_.size()); }
    bool mixes_samples() const noexcept { return net_.mixes_samples(); }
    void check_sizes() const { net_.check_sizes(); }
    const auto& names() const noexcept { return net_.names(); }
    /// Names a mask, so that a file of the weights is not taken for the network that was masked.
    std::string kinds() const { return mask_.empty() ? net_.kinds() : std::string(name) + net_.kinds(); }
    std::string describe() const {
        return mask_.empty() ? net_.describe() : net_.describe() + " without " + renn::describe(mask_);
    }

    /// As LayerSequence::forward; the visitor sees the values held.
    template <class V = NoVisit>
    const Batch<Scalar>& forward(const BatchView<Scalar>& x, Workspace<Masked>& workspace, const Pass& pass = {},
                                 V&& visitor = {}) const {
        detail::Path path;
        walk(net_.parameters(), x, workspace.output, workspace.cache, pass, visitor, path);
        return workspace.output;
    }

    /// As forward, with a workspace of its own and only the output returned.
    Batch<Scalar> predict(const BatchView<Scalar>& x) const {
        Workspace<Masked> workspace;
        forward(x, workspace);
        return std::move(workspace.output);
    }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        detail::Path path;
        NoVisit none;
        walk(w, x, y, cache, pass, none, path);
    }

    /// The network's walk; `first`, where that has it, is the layer to begin at.
    template <class V, std::same_as<std::size_t>... First>
        requires(sizeof...(First) == 0 || detail::WalksFrom<Net>)
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path, First... first) const {
        const std::size_t depth = path.view().size();
        detail::MaskVisitor<V> held(mask_, visitor, depth == 0 ? 0 : depth + 1);
        net_.walk(w, x, y, cache, pass, held, path, first...);
    }

    /// As LayerSequence::reverse_walk.
    template <class Rule, class Below>
    void reverse_walk(Rule&& rule, const BatchView<Scalar>& x, Workspace<Masked>& workspace,
                      const BatchView<Scalar>& above, Below& below, Parameters* gradient = nullptr) const {
        detail::Path path;
        walk_back(rule, net_.parameters(), x, workspace.output, workspace.cache, above, below, gradient, path);
    }

    /// The network's reverse walk.
    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        if (mask_.empty()) {
            net_.walk_back(rule, w, x, y, cache, above, below, gradient, path);
            return;
        }
        const std::size_t depth = path.view().size();
        detail::MaskRule<Rule, Scalar> held(mask_, rule, depth == 0 ? 0 : depth + 1);
        net_.walk_back(held, w, x, y, cache, above, below, gradient, path);
    }

    /// Of outputs along directions of input and parameters, after a forward pass: see TwiceDifferentiableLayer.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                 const BatchView<Scalar>& y, Cache& cache, Batch<Scalar>& dy) const {
        Tangents::forward(*this, w, dw, x, dx, y, cache, dy);
    }
    template <class Dw, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                          const BatchView<Scalar>& y, Cache& cache, const BatchView<Scalar>& above,
                          const BatchView<Scalar>& above_tangent, Batch<Scalar>& dx_tangent, G& g) const {
        Tangents::backward(*this, w, dw, x, dx, y, cache, above, above_tangent, dx_tangent, g);
    }

    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        Net::for_each_child(self.net_, parameters, f);
    }

private:
    Net net_;
    Mask mask_;
};

/// A network with some units switched off. See Masked.
template <CompositeLayer Net>
Masked<Net> masked(Net net, Mask mask) {
    return Masked<Net>(std::move(net), std::move(mask));
}

}  // namespace renn::inline RENN_ABI
