// SPDX-License-Identifier: MIT
// renn/tracing/observe.hpp - runs a model on a batch and reports what happens inside to a recorder.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>

#include <renn/core/batch.hpp>
#include <renn/core/function_ref.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Takes blocks of values, features x samples: the one thing behind both a network's visitor and a Probe.
template <class R, class S>
concept Recorder = requires(R& r, const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
    r.record(place, block, ids);
};

namespace detail {

template <class L>
concept ActivationLayer = requires {
    requires L::is_activation;
};

template <class L>
inline constexpr bool has_parameters =
    std::tuple_size_v<decltype(std::declval<const typename L::Parameters&>().blocks())> != 0;

/// Visitor that reports layers with parameters as pre-activations and activations as post-activations. Other layers
/// (dropout, flatten, standardize) hand values on, and a nested network has reported its own layers already.
template <class S>
class ReportVisitor {
public:
    using Record = FunctionRef<void(const Place&, const BatchView<S>&)>;
    explicit ReportVisitor(Record record) : record_(record) {}

    template <class L>
    void visit(const Step<L>& s) {
        follow_shape(s);
        if constexpr (CompositeLayer<L>) {
            return;
        } else if constexpr (ActivationLayer<L>) {
            constexpr bool elementwise = requires(const S* in, S* out) {
                s.layer.apply(in, out, Index{});
            };
            const bool derived = elementwise && !s.edited && s.x.size() > 0 && s.x.data() == last_;
            record_(Place{s.path, Kind::post, derived, shape_}, s.y);
            last_ = nullptr;
        } else if constexpr (has_parameters<L>) {
            record_(Place{s.path, Kind::pre, false, shape_}, s.y);
            last_ = s.y.data();
        }
    }

private:
    /// Activations and dropout keep the shape of the image they get, and a nested network leaves that of its last
    /// layer; layers that know no shape lose it.
    template <class L>
    void follow_shape(const Step<L>& s) {
        if constexpr (requires { s.layer.output_shape(); }) {
            shape_ = s.layer.output_shape();
        } else if constexpr (!CompositeLayer<L> && requires { s.layer.out_features(); }) {
            shape_ = {};
        }
        if (shape_.size() != s.y.rows()) shape_ = {};
    }

    Record record_;
    Shape shape_ = {};
    const S* last_ = nullptr;  ///< the pre-activation block reported last
};

}  // namespace detail

/// A network can be observed on several threads, each with its own workspace.
template <CompositeLayer Net>
auto make_workspace(const Net&) {
    return Workspace<Net>();
}

/// Whether several threads may run the model at once: a network always.
template <CompositeLayer Net>
constexpr bool may_run_in_parallel(const Net&) noexcept {
    return true;
}

/// Runs the network in evaluation mode and reports every pre- and post-activation. Returns its output.
/// Cost   one forward pass; what the recorder does comes on top.
template <CompositeLayer Net, class S, Recorder<S> R>
const Batch<S>& observe(const Net& net, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        Workspace<Net>& workspace, R& recorder) {
    const auto record = [&](const Place& place, const BatchView<S>& block) { recorder.record(place, block, ids); };
    return net.forward(x, workspace, Pass{.ids = ids}, detail::ReportVisitor<S>(record));
}

}  // namespace renn::inline RENN_ABI
