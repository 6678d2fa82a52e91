// SPDX-License-Identifier: MIT
// support/subject.hpp - a layer with its kind hidden, so that a claim about layers is compiled once for all of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

#include "support/random_batch.hpp"

namespace renn::test {

template <class S>
struct Subject {
    using Blocks = std::vector<Eigen::Map<Column<S>>>;

    virtual ~Subject() = default;
    virtual std::string describe() const = 0;
    virtual std::unique_ptr<Subject> copy() const = 0;
    virtual void forward(const BatchView<S>& x, Batch<S>& y, const Pass& pass) = 0;
    /// Null for what is not wanted; the parameters' gradient goes to gradient().
    virtual void backward(const BatchView<S>& x, const BatchView<S>& y, const BatchView<S>& dy, Batch<S>* dx,
                          bool with_gradient) = 0;
    /// Along direction() in the parameters if `moving`.
    virtual void tangent(bool moving, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                         Batch<S>& dy) = 0;
    virtual void backward_tangent(bool moving, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                                  const BatchView<S>& above, const BatchView<S>& above_tangent, Batch<S>& dx_tangent,
                                  bool with_gradient) = 0;
    virtual Blocks weights() = 0;
    virtual Blocks gradient() = 0;
    virtual Blocks direction() = 0;
    /// One more row for a block of the parameters, which then fit no longer.
    virtual void spoil(std::size_t block) = 0;
    virtual void map(const BatchView<S>&, Batch<S>&) const {}
    virtual void map_transposed(const BatchView<S>&, Batch<S>&) const {}

    Index in = 0, out = 0;
    bool takes_any_width = false;
    bool linear = false;
    bool mixes_samples = false;
};

/// Holds the layer as a network does, apart from its parameters. These are moved off their initial values, which hide
/// mistakes (a bias of zero, a scale of one), and a layer that learns from training passes sees one.
template <class L>
struct Held final : Subject<typename L::Scalar> {
    using S = typename L::Scalar;
    static_assert(renn::TwiceDifferentiableLayer<L>);

    Held(L held, Index width) : layer(std::move(held)), parameters(layer.parameters()) {
        std::uint64_t seed = 40;
        renn::for_each_block(
            [&seed](auto& block) { block += S(0.3) * random_batch<S>(block.rows(), block.cols(), ++seed); },
            parameters);
        slope = moving = parameters;
        renn::for_each_block([&seed](auto& block) { block = random_batch<S>(block.rows(), block.cols(), ++seed); },
                             moving);
        this->in = this->out = width;
        this->takes_any_width = true;
        if constexpr (requires { layer.in_features(); }) {
            this->in = layer.in_features();
            this->out = layer.out_features();
            this->takes_any_width = false;
        }
        this->linear = renn::LinearLayer<L>;
        if constexpr (requires { L::mixes_samples; }) this->mixes_samples = L::mixes_samples;
        if constexpr (requires { layer.absorb(cache); }) {
            Batch<S> y;
            layer.forward(parameters, random_batch<S>(this->in, 9, 3), y, cache, Pass{.training = true});
            layer.absorb(cache);
        }
    }
    std::string describe() const override { return layer.describe(); }
    std::unique_ptr<Subject<S>> copy() const override { return std::make_unique<Held>(*this); }
    void forward(const BatchView<S>& x, Batch<S>& y, const Pass& pass) override {
        layer.forward(parameters, x, y, cache, pass);
    }
    void backward(const BatchView<S>& x, const BatchView<S>& y, const BatchView<S>& dy, Batch<S>* dx,
                  bool with_gradient) override {
        NotWanted none;
        if (dx != nullptr && with_gradient) layer.backward(parameters, x, y, cache, dy, *dx, slope);
        if (dx != nullptr && !with_gradient) layer.backward(parameters, x, y, cache, dy, *dx, none);
        if (dx == nullptr && with_gradient) layer.backward(parameters, x, y, cache, dy, none, slope);
        if (dx == nullptr && !with_gradient) layer.backward(parameters, x, y, cache, dy, none, none);
    }
    void tangent(bool move, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                 Batch<S>& dy) override {
        if (move) {
            layer.tangent(parameters, moving, x, dx, y, cache, dy);
        } else {
            layer.tangent(parameters, NotWanted{}, x, dx, y, cache, dy);
        }
    }
    void backward_tangent(bool move, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                          const BatchView<S>& above, const BatchView<S>& above_tangent, Batch<S>& dx_tangent,
                          bool with_gradient) override {
        const auto run = [&](const auto& dw, auto& g) {
            if constexpr (renn::CompositeLayer<L>) layer.tangent(parameters, dw, x, dx, y, cache, tangent_before);
            layer.backward_tangent(parameters, dw, x, dx, y, cache, above, above_tangent, dx_tangent, g);
        };
        NotWanted none;
        if (move && with_gradient) run(moving, slope);
        if (move && !with_gradient) run(moving, none);
        if (!move && with_gradient) run(none, slope);
        if (!move && !with_gradient) run(none, none);
    }
    typename Subject<S>::Blocks weights() override { return blocks(parameters); }
    typename Subject<S>::Blocks gradient() override { return blocks(slope); }
    typename Subject<S>::Blocks direction() override { return blocks(moving); }
    void spoil(std::size_t number) override {
        std::size_t i = 0;
        renn::for_each_block(
            [&](auto& block) {
                if (i++ == number) block.resize(block.rows() + 1, block.cols());
            },
            parameters);
    }
    void map([[maybe_unused]] const BatchView<S>& x, [[maybe_unused]] Batch<S>& y) const override {
        if constexpr (renn::LinearLayer<L>) layer.map(parameters, x, y);
    }
    void map_transposed([[maybe_unused]] const BatchView<S>& x, [[maybe_unused]] Batch<S>& y) const override {
        if constexpr (renn::LinearLayer<L>) layer.map_transposed(parameters, x, y);
    }

    L layer;
    typename L::Parameters parameters, slope, moving;
    typename L::Cache cache;
    Batch<S> tangent_before;  ///< which layers made of layers need before backward_tangent

private:
    static typename Subject<S>::Blocks blocks(typename L::Parameters& of) {
        typename Subject<S>::Blocks all;
        renn::for_each_block([&all](auto& block) { all.emplace_back(block.data(), block.size()); }, of);
        return all;
    }
};

}  // namespace renn::test
