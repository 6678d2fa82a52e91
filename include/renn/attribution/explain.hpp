// SPDX-License-Identifier: MIT
// renn/attribution/explain.hpp - the two passes of every attribution: forward to a target, and back from it by a rule.
#pragma once

#include <string>
#include <string_view>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/arriving.hpp>
#include <renn/network/layer_paths.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn::inline RENN_ABI {

/// What attribution of a network needs besides its result. Used again, it allocates nothing.
template <class Net>
struct AttributionWorkspace {
    using S = typename Net::Scalar;
    Workspace<Net> pass;
    Column<S> value;     ///< what is explained, one a sample
    Batch<S> start;      ///< what the reverse walk starts with, where the target stands: its slope
    Batch<S> explained;  ///< what the target looks at, if that is inside the network
    Batch<S> nothing;    ///< zeros above such a place
};

namespace detail {

/// Keeps what one layer puts out.
template <class S>
struct KeepPlace {
    std::string_view place;
    Batch<S>& to;
    bool found = false;

    void visit(const auto& step) {
        if (step.path != place) return;
        to = step.y;
        found = true;
    }
};

/// A reverse walk that begins at a layer inside the network: what is above it gets zeros.
template <class Rule, class S>
struct FromPlace {
    Rule& rule;
    std::string_view place;
    const Batch<S>& start;
    bool reached = false;

    BatchView<S> arrive(std::string_view path, const BatchView<S>& y, const BatchView<S>& above) {
        const bool here = path == place;
        reached = reached || here;
        if constexpr (ReverseEditor<Rule, S>) {
            if (reached) return rule.arrive(path, y, here ? BatchView<S>(start) : above);
        }
        return here ? BatchView<S>(start) : above;
    }
};

template <class Rule, class S, class L, class Below>
void reverse(FromPlace<Rule, S>& from, const Step<L>& s, X<L> above, Below& below) {
    if (from.reached) {
        reverse(from.rule, s, above, below);
    } else if constexpr (is_wanted<Below>) {
        reshape(below, s.x.rows(), s.x.cols());
        below.setZero();
    }
}

template <class Rule, class S>
BatchView<S> share(FromPlace<Rule, S>& from, std::string_view path, const BatchView<S>& branch, const BatchView<S>& sum,
                   const BatchView<S>& above, Batch<S>& scratch) {
    return from.reached ? share(from.rule, path, branch, sum, above, scratch) : above;
}

}  // namespace detail

/// Forward pass of x (features x n): leaves in the workspace the target's value of each sample and its slope.
///
/// Throws   as the target; DataError for a place that the network does not have.
template <class Net, Target<typename Net::Scalar> T>
void forward_to(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                AttributionWorkspace<Net>& w) {
    using S = typename Net::Scalar;
    net.forward(x, w.pass);
    target(BatchView<S>(w.pass.output), w.value, w.start);
}
/// \copydoc forward_to
template <class Net, class T>
void forward_to(const Net& net, const BatchView<typename Net::Scalar>& x, const PlaceTarget<T>& target,
                AttributionWorkspace<Net>& w) {
    using S = typename Net::Scalar;
    detail::KeepPlace<S> keep{target.place, w.explained};
    net.forward(x, w.pass, {}, keep);
    if (!keep.found) detail::raise_no_place("target", target.place, layer_paths(net));
    target.target(BatchView<S>(w.explained), w.value, w.start);
}

/// Reverse walk from what the workspace has as start, after forward_to with the same network, x and target. `below`
/// (features x n) gets what the rule brings to the input.
template <class Net, class T, class Rule, class Below>
void backward_from(const Net& net, const BatchView<typename Net::Scalar>& x, const T&, Rule& rule,
                   AttributionWorkspace<Net>& w, Below& below) {
    net.reverse_walk(rule, x, w.pass, w.start, below);
}
/// \copydoc backward_from
template <class Net, class T, class Rule, class Below>
void backward_from(const Net& net, const BatchView<typename Net::Scalar>& x, const PlaceTarget<T>& target, Rule& rule,
                   AttributionWorkspace<Net>& w, Below& below) {
    using S = typename Net::Scalar;
    w.nothing.setZero(w.pass.output.rows(), w.pass.output.cols());
    detail::FromPlace<Rule, S> from{rule, target.place, w.start};
    net.reverse_walk(from, x, w.pass, w.nothing, below);
}

}  // namespace renn::inline RENN_ABI
