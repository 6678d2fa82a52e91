// SPDX-License-Identifier: MIT
// renn/attribution/explain.hpp - the two passes of every attribution: forward to a target, and back from it by a rule.
#pragma once

#include <any>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>
#include <renn/network/arriving.hpp>
#include <renn/network/layer_paths.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn::inline RENN_ABI {

/// What attribution of a network needs besides its result. Used again, it allocates nothing.
template <class Net>
struct AttributionWorkspace {
    static_assert(
        requires { typename Net::Cache; },
        "renn: only a network is explained: of a traced one traced.network(), of other code predictor(f)");
    using S = typename Net::Scalar;
    Workspace<Net> pass;
    Column<S> value;     ///< what is explained, one a sample
    Batch<S> start;      ///< what the reverse walk starts with, where the target stands: its slope
    Batch<S> explained;  ///< what the target looks at, if that is inside the network
    Batch<S> nothing;    ///< zeros above such a place
    Batch<S> inputs;     ///< of methods that look at other inputs than x
    Batch<S> below;      ///< what a reverse walk brings to those
    std::vector<AttributionWorkspace> others;
    std::any kept;  ///< what a method needs besides, of its own type

    /// For passes of another width, so that neither gives up its memory to the other.
    AttributionWorkspace& second() {
        if (others.empty()) others.emplace_back();
        return others.front();
    }
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

template <class Net, class V>
void run_from(const Net& net, const BatchView<typename Net::Scalar>& x, Workspace<Net>& pass, V& visitor,
              std::size_t first) {
    if constexpr (WalksFrom<Net>) {
        Path path;
        net.walk(net.parameters(), x, pass.output, pass.cache, Pass{}, visitor, path, first);
    } else {
        net.forward(x, pass, {}, visitor);
    }
}

/// A target for several versions of each sample: version after version, all samples in each.
template <class T>
struct VersionsTarget {
    const T& target;
    Index samples;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        shape_target<S>(y, value, slope);
        Column<S> one_value;
        Batch<S> one_slope;
        for (Index first = 0; first < y.cols(); first += samples) {
            target(BatchView<S>(y.middleCols(first, samples)), one_value, one_slope);
            value.segment(first, samples) = one_value;
            slope.middleCols(first, samples) = one_slope;
        }
    }
};

template <class T>
VersionsTarget<T> of_versions(const T& target, Index samples) {
    return {target, samples};
}
template <class T>
PlaceTarget<VersionsTarget<T>> of_versions(const PlaceTarget<T>& target, Index samples) {
    return {target.place, {target.target, samples}};
}

/// The place a target looks at; of the output, none.
template <class T>
std::string_view place_of(const T&) {
    return {};
}
template <class T>
std::string_view place_of(const PlaceTarget<T>& target) {
    return target.place;
}

}  // namespace detail

/// Forward pass of x (features x n): leaves in the workspace the target's value of each sample and its slope. It may
/// begin at a later layer, `first`, with what is in the cache as the outputs of those before.
///
/// Throws   as the target; DataError for a place that the network does not have.
template <class Net, Target<typename Net::Scalar> T>
void forward_to(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target, AttributionWorkspace<Net>& w,
                std::size_t first = 0) {
    using S = typename Net::Scalar;
    NoVisit none;
    detail::run_from(net, x, w.pass, none, first);
    target(BatchView<S>(w.pass.output), w.value, w.start);
}
/// \copydoc forward_to
template <class Net, class T>
void forward_to(const Net& net, const BatchView<typename Net::Scalar>& x, const PlaceTarget<T>& target,
                AttributionWorkspace<Net>& w, std::size_t first = 0) {
    using S = typename Net::Scalar;
    detail::KeepPlace<S> keep{target.place, w.explained};
    detail::run_from(net, x, w.pass, keep, first);
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
    w.nothing.setZero(w.pass.output.rows(), w.start.cols());
    detail::FromPlace<Rule, S> from{rule, target.place, w.start};
    net.reverse_walk(from, x, w.pass, w.nothing, below);
}

/// The target with what it chose in the last forward_to of this workspace: the same outputs for other inputs.
template <class Net, class T>
T settled(const T& target, const AttributionWorkspace<Net>& w) {
    return detail::settle(target, BatchView<typename Net::Scalar>(w.pass.output));
}
/// \copydoc settled
template <class Net, class T>
PlaceTarget<T> settled(const PlaceTarget<T>& target, const AttributionWorkspace<Net>& w) {
    return {target.place, detail::settle(target.target, BatchView<typename Net::Scalar>(w.explained))};
}

}  // namespace renn::inline RENN_ABI
