// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/train_rbm.hpp - fits a restricted Boltzmann machine by contrastive divergence.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/maximisation/rbm.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// How train_rbm goes about it.
struct RbmOptions {
    Visible visible = Visible::binary;
    int epochs = 10;
    Index batch = 64;
    double learning_rate = 0.01;
    double weight_decay = 1e-4;
    int chain = 1;            ///< steps of Gibbs sampling: CD-1, CD-2, ...
    bool persistent = false;  ///< chains go on where the last step left them (PCD), in place of starting at the data
    std::uint64_t seed = 0;
};

namespace internal {

template <class S>
void draw_units(const Batch<S>& chances, Batch<S>& units, Rng& rng) {
    units.resizeLike(chances);
    for (Index i = 0; i < chances.size(); ++i) {
        units.data()[i] = static_cast<double>(chances.data()[i]) > rng.uniform() ? S(1) : S(0);
    }
}

/// Biases are vectors; they begin at 0 and do not decay.
template <class Block>
constexpr bool is_bias(const Block&) noexcept {
    return Block::ColsAtCompileTime == 1;
}

}  // namespace internal

/// Fits a machine with hidden units as `layer` has them, Dense(784, 64) or a Conv2d, to samples (features x n): of
/// binary visible units values from 0 to 1. The layer's own weights do not matter; what it starts from and what it
/// draws follow from the seed.
///
/// Throws   ShapeError for samples of another width; DataError for no samples, values that are not finite or not in
///          range, impossible options.
/// Source   Hinton (2002), CD; Tieleman (2008), PCD; Hinton (2010), "A practical guide to training restricted Boltzmann
///          machines": hidden units are drawn, visible ones are probabilities, but drawn in longer chains.
template <LinearLayer L>
Rbm<L> train_rbm(L layer, const BatchView<typename L::Scalar>& x, const RbmOptions& o = {}) {
    using S = typename L::Scalar;
    const auto refuse = [](const char* what, const std::string& got, const char* expected) {
        detail::raise<DataError>("train_rbm", what, got, expected);
    };
    if (x.cols() == 0) refuse("samples", "0", "1 or more");
    detail::require_shape("train_rbm", "samples", x, layer.in_features(), x.cols());
    if (layer.out_features() < 1) refuse("hidden units", std::to_string(layer.out_features()), "1 or more");
    if (o.batch < 1) refuse("batch", std::to_string(o.batch), "1 or more");
    if (o.chain < 1) refuse("chain", std::to_string(o.chain), "1 or more");
    if (o.epochs < 0) refuse("epochs", std::to_string(o.epochs), "0 or more");
    if (!(o.learning_rate > 0.0) || !std::isfinite(o.learning_rate)) {
        refuse("learning_rate", std::to_string(o.learning_rate), "a finite value above 0");
    }
    detail::require_finite<S>("train_rbm", "samples", x);
    const bool binary = o.visible == Visible::binary;
    if (binary && x.size() > 0 && (x.minCoeff() < S(0) || x.maxCoeff() > S(1))) {
        refuse("samples", std::to_string(x.minCoeff()) + " to " + std::to_string(x.maxCoeff()),
               "0 to 1, or gaussian visible units");
    }

    Rng rng(o.seed);
    Rbm<L> rbm{std::move(layer), x.rowwise().mean(), o.visible};
    auto& parameters = rbm.layer.parameters();
    for_each_block(
        [&rng](auto& block) {
            for (S& w : block.reshaped()) w = internal::is_bias(block) ? S(0) : static_cast<S>(0.01 * rng.normal());
        },
        parameters);
    if (binary) {  // the bias with which a unit alone has the mean of the data
        for (S& b : rbm.visible_bias) {
            const S mean = std::clamp(b, S(0.01), S(0.99));
            b = std::log(mean / (S(1) - mean));
        }
    }
    std::vector<Index> order(static_cast<std::size_t>(x.cols()));
    std::iota(order.begin(), order.end(), Index{0});
    Batch<S> v, h, drawn, v_chain, h_chain;
    auto up = parameters, down = parameters;
    for (int epoch = 0; epoch < o.epochs; ++epoch) {
        shuffle(order, rng);
        for (Index first = 0; first < x.cols(); first += o.batch) {
            const Index n = std::min(o.batch, x.cols() - first);
            v.resize(x.rows(), n);
            for (Index j = 0; j < n; ++j) v.col(j) = x.col(order[static_cast<std::size_t>(first + j)]);
            rbm.hidden(v, h);
            const bool go_on = o.persistent && v_chain.cols() == n;
            if (!go_on) h_chain = h;
            for (int step = 0; step < o.chain; ++step) {
                internal::draw_units(h_chain, drawn, rng);
                rbm.expected(drawn, v_chain);
                if (o.persistent || o.chain > 1) {
                    if (binary) {
                        const Batch<S> chances = v_chain;
                        internal::draw_units(chances, v_chain, rng);
                    } else {
                        for (S& value : v_chain.reshaped()) value += static_cast<S>(rng.normal());
                    }
                }
                rbm.hidden(v_chain, h_chain);
            }
            const auto rate = static_cast<S>(o.learning_rate / static_cast<double>(n));
            const auto decay = static_cast<S>(o.learning_rate * o.weight_decay);
            typename L::Cache cache;
            NotWanted none;
            rbm.layer.backward(parameters, v, h, cache, h, none, up);
            rbm.layer.backward(parameters, v_chain, h_chain, cache, h_chain, none, down);
            for_each_block(
                [rate, decay](auto& w, const auto& more, const auto& less) {
                    const S forget = internal::is_bias(w) ? S(0) : decay;
                    w += rate * (more - less) - forget * w;
                },
                parameters, up, down);
            rbm.visible_bias += rate * (v - v_chain).rowwise().sum();
        }
    }
    for_each_block(
        [&refuse](const auto& w) {
            if (!detail::all_finite(w))
                refuse("weights", "NaN or infinite", "finite values: try a smaller learning_rate");
        },
        parameters);
    return rbm;
}

}  // namespace renn::inline RENN_ABI::maximisation
