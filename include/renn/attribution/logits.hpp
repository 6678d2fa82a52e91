// SPDX-License-Identifier: MIT
// renn/attribution/logits.hpp - of a network that ends in Softmax: what that takes in, for methods that cannot go
// through it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/attribution/explain.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

template <class L>
inline constexpr bool is_softmax = L::name == std::string_view("Softmax");

/// False for a Network whose type says that it ends in something else.
template <class Net>
constexpr bool may_end_in_softmax() {
    if constexpr (!CompositeLayer<Net>) {
        return is_softmax<Net>;
    } else if constexpr (Net::wiring != Wiring::chain) {
        return false;
    } else if constexpr (requires { typename Net::template LayerType<Net::size() - 1>; }) {
        return may_end_in_softmax<typename Net::template LayerType<Net::size() - 1>>();
    } else {
        return true;
    }
}

template <class Net, class W>
bool ends_in_softmax(const Net& net, const W& parameters) {
    bool ends = false;
    if constexpr (may_end_in_softmax<Net>()) {
        Net::for_each_child(net, parameters, [&](const std::string&, const auto& layer, const auto& part) {
            using L = std::remove_cvref_t<decltype(layer)>;
            if constexpr (CompositeLayer<L>) {
                ends = ends_in_softmax(layer, part);
            } else {
                ends = is_softmax<L>;
            }
        });
    }
    return ends;
}

/// Keeps what the last Softmax takes in.
template <class S>
struct KeepLogits {
    Batch<S>& to;

    template <class L>
    void visit(const Step<L>& step) {
        if constexpr (is_softmax<L>) to = step.x;
    }
};

/// As forward_to. Of a network that ends in Softmax a target on the outputs looks at what that takes in, which is left
/// as workspace.explained; returns whether it does. A rule then hands on what arrives at that Softmax unchanged: it is
/// the start that belongs below it.
template <class Net, class T>
bool forward_to_logits(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                       AttributionWorkspace<Net>& w) {
    using S = typename Net::Scalar;
    if constexpr (!is_place_target<T> && may_end_in_softmax<Net>()) {
        if (ends_in_softmax(net, net.parameters())) {
            KeepLogits<S> keep{w.explained};
            run_from(net, x, w.pass, keep, 0);
            target(BatchView<S>(w.explained), w.value, w.start);
            return true;
        }
    }
    forward_to(net, x, target, w);
    return false;
}

/// What a result has to say of it.
inline std::string logits_warning() {
    return "the network ends in Softmax: what is explained is the target of the logits that it takes in, not of the "
           "probabilities that it puts out";
}

/// What an error expects in place of a Softmax that is in the way.
inline std::string instead_of_softmax() {
    return "a target below it, at(\"name of a layer before it\", ...), or on the outputs of a network that ends in it";
}

}  // namespace renn::inline RENN_ABI::detail
