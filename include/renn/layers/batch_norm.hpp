// SPDX-License-Identifier: MIT
// renn/layers/batch_norm.hpp - normalisation of every channel by the statistics of a batch.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/layers/channelwise.hpp>
#include <renn/layers/scale_and_shift.hpp>

namespace renn::inline RENN_ABI {

/// As PyTorch's, with its defaults.
struct BatchNormOptions {
    double epsilon = 1e-5;
    double momentum = 0.1;  ///< share of the newest batch in the running statistics
};

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias, a mean, a variance, a weight and a bias for each channel:
/// for each feature if built from a number of features, for each channel over its positions if built from a Shape.
/// In training mean and variance are those of the batch (variance divided by the number of values), and gradients go
/// through them. Outside training they are the running ones, constants of the layer, and the layer is linear.
/// `absorb` moves the running statistics towards a training pass's; their variance is the unbiased one, as PyTorch's.
///
/// Shapes   Y as X, channels x positions values a sample; weights and bias: channels x 1.
/// Throws   ShapeError if an argument does not fit; DataError in training for one value a channel, which has no
///          variance (as PyTorch), and for impossible options or statistics. An empty batch is valid and teaches
///          nothing.
/// Source   Ioffe and Szegedy (2015).
template <std::floating_point S = float>
class BatchNorm {
public:
    using Scalar = S;
    using Parameters = detail::ScaleAndShift<S>;
    using Options = BatchNormOptions;
    static constexpr std::string_view name = "BatchNorm";
    static constexpr bool mixes_samples = true;

    struct Cache {
        Column<S> mean, variance, inverse;  ///< what the pass normalised with, one a channel; inverse deviation
        Index values = 0;                   ///< a channel, in training; else 0
        Column<S> terms, sums, products;    ///< scratch
    };

    /// Without sizes yet; for loading.
    BatchNorm() : BatchNorm(Shape{0, 1, 1}) {}
    explicit BatchNorm(Index features, Options options = {}) : BatchNorm(Shape{features, 1, 1}, options) {}
    explicit BatchNorm(Shape shape, Options options = {})
        : shape_(shape), epsilon_(options.epsilon), momentum_(options.momentum) {
        check_sizes();
        mean_ = Column<S>::Zero(shape.channels);
        variance_ = Column<S>::Ones(shape.channels);
        parameters_ = Parameters::ones(shape.channels);
        check();
    }

    Index in_features() const noexcept { return shape_.size(); }
    Index out_features() const noexcept { return shape_.size(); }
    Shape input_shape() const noexcept { return shape_; }
    Shape output_shape() const noexcept { return shape_; }
    double epsilon() const noexcept { return epsilon_; }
    double momentum() const noexcept { return momentum_; }
    const Column<S>& running_mean() const noexcept { return mean_; }
    const Column<S>& running_variance() const noexcept { return variance_; }

    /// For statistics from elsewhere. Throws as the constructor.
    void set_running(Column<S> mean, Column<S> variance) {
        BatchNorm changed = *this;
        changed.mean_ = std::move(mean);
        changed.variance_ = std::move(variance);
        changed.check();
        *this = std::move(changed);
    }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass& pass) const {
        namespace ei = Eigen::internal;
        check(w);
        detail::require_shape("BatchNorm::forward", "x", x, in_features(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        cache.values = pass.training ? x.cols() * shape_.positions() : 0;
        if (cache.values == 1) {
            detail::raise<DataError>("BatchNorm::forward", "values of a channel in training", "1", "2 or more");
        }
        cache.mean = mean_;
        cache.variance = variance_;
        if (cache.values != 0) take_statistics(x, cache);
        cache.inverse.resize(shape_.channels);
        for (Index c = 0; c < shape_.channels; ++c) cache.inverse[c] = inverse(cache.variance[c]);
        channelwise().each(y, std::array{&x}, PerChannel::constants(cache.mean, cache.inverse, w.weights, w.bias),
                           [](const auto& v, const auto& mean, const auto& inv, const auto& weight, const auto& bias) {
                               return ei::pmadd(ei::psub(v, mean), ei::pmul(inv, weight), bias);
                           });
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, Cache& cache, const BatchView<S>& dy,
                  Dx& dx, G& g) const {
        namespace ei = Eigen::internal;
        check(w);
        detail::require_shape("BatchNorm::backward", "x", x, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward", "dy", dy, in_features(), x.cols());
        const bool through_statistics = is_wanted<Dx> && cache.values != 0;
        if (is_wanted<G> || through_statistics) sum_gradients(x, dy, cache);
        if constexpr (is_wanted<G>) {
            g.weights = cache.products;
            g.bias = cache.sums;
        }
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, x.rows(), x.cols());
            if (!through_statistics) {
                channelwise().each(dx, std::array{&dy}, PerChannel::constants(cache.inverse, w.weights), scaled);
                return;
            }
            cache.sums /= static_cast<S>(cache.values);
            cache.products /= static_cast<S>(cache.values);
            channelwise().each(dx, std::array{&x, &dy},
                               PerChannel::constants(cache.mean, cache.inverse, w.weights, cache.sums, cache.products),
                               [](const auto& v, const auto& d, const auto& mean, const auto& inv, const auto& weight,
                                  const auto& mean_d, const auto& mean_dv) {
                                   const auto n = detail::normalised(v, mean, inv);
                                   return scaled(ei::psub(ei::psub(d, mean_d), ei::pmul(n, mean_dv)), inv, weight);
                               });
        }
    }

    /// Outside training, as all tangents: dY = weight dX / deviation + dweight normalised X + dbias.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache& cache, Batch<S>& dy) const {
        namespace ei = Eigen::internal;
        detail::require_shape("BatchNorm::tangent", "x", x, in_features(), x.cols());
        detail::require_shape("BatchNorm::tangent", "dx", dx, in_features(), x.cols());
        detail::reshape(dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dw>) {
            check(dw);
            channelwise().each(dy, std::array{&x, &dx},
                               PerChannel::constants(cache.mean, cache.inverse, w.weights, dw.weights, dw.bias),
                               [](const auto& v, const auto& d, const auto& mean, const auto& inv, const auto& weight,
                                  const auto& weight_d, const auto& bias_d) {
                                   const auto moved = ei::pmadd(detail::normalised(v, mean, inv), weight_d, bias_d);
                                   return ei::padd(scaled(d, inv, weight), moved);
                               });
        } else {
            channelwise().each(dy, std::array{&dx}, PerChannel::constants(cache.inverse, w.weights), scaled);
        }
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, Cache& cache, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        namespace ei = Eigen::internal;
        detail::require_shape("BatchNorm::backward_tangent", "x", x, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward_tangent", "dx", dx, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward_tangent", "above", above, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward_tangent", "above_tangent", above_tangent, in_features(), x.cols());
        if constexpr (is_wanted<G>) {
            sum_gradients(x, above_tangent, cache);
            g.weights = cache.products;
            g.bias = cache.sums;
            channelwise().sum(
                cache.terms, cache.products, std::array{&dx, &above}, PerChannel::constants(cache.inverse),
                [](const auto& d, const auto& a, const auto& inv) { return ei::pmul(ei::pmul(d, inv), a); });
            g.weights += cache.products;
        }
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx_tangent, x.rows(), x.cols());
            if constexpr (is_wanted<Dw>) {
                check(dw);
                channelwise().each(
                    dx_tangent, std::array{&above, &above_tangent},
                    PerChannel::constants(cache.inverse, w.weights, dw.weights),
                    [](const auto& a, const auto& da, const auto& inv, const auto& weight, const auto& weight_d) {
                        return ei::pmul(ei::pmadd(da, weight, ei::pmul(a, weight_d)), inv);
                    });
            } else {
                channelwise().each(dx_tangent, std::array{&above_tangent},
                                   PerChannel::constants(cache.inverse, w.weights), scaled);
            }
        }
    }

    /// y = weight x / deviation with the running statistics and any parameters: the layer outside training without its
    /// shift, and its own transpose.
    void map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        check(w);
        detail::require_shape("BatchNorm::map", "x", x, in_features(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        channelwise().each(y, std::array{&x}, PerChannel::constants(variance_, w.weights),
                           [this](const auto& v, const auto& variance, const auto& weight) {
                               return scaled(v, this->inverse(variance), weight);
                           });
    }
    void map_transposed(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const { map(w, x, y); }

    /// Moves the running statistics by `momentum` towards those of the training pass that left this cache.
    void absorb(const Cache& cache) {
        if (cache.values < 2) return;
        detail::require_shape("BatchNorm::absorb", "mean", cache.mean, shape_.channels, 1);
        const auto share = static_cast<S>(momentum_);
        const auto unbiased = static_cast<S>(static_cast<double>(cache.values) / static_cast<double>(cache.values - 1));
        mean_ += share * (cache.mean - mean_);
        variance_ += share * (unbiased * cache.variance - variance_);
    }

    auto constants() noexcept {
        return std::tie(shape_.channels, shape_.height, shape_.width, epsilon_, momentum_, mean_, variance_);
    }
    auto constants() const noexcept {
        return std::tie(shape_.channels, shape_.height, shape_.width, epsilon_, momentum_, mean_, variance_);
    }
    void check() const {
        check_sizes();
        if (!(std::isfinite(epsilon_) && static_cast<S>(epsilon_) > S(0))) {
            detail::raise<DataError>("BatchNorm", "epsilon", std::to_string(epsilon_), "a finite value above 0");
        }
        if (!(momentum_ >= 0.0 && momentum_ <= 1.0)) {
            detail::raise<DataError>("BatchNorm", "momentum", std::to_string(momentum_), "0..1");
        }
        detail::require_shape("BatchNorm", "running mean", mean_, shape_.channels, 1);
        detail::require_shape("BatchNorm", "running variance", variance_, shape_.channels, 1);
        for (Index c = 0; c < shape_.channels; ++c) {
            if (!(std::isfinite(mean_[c]) && std::isfinite(variance_[c]) && variance_[c] >= S(0))) {
                detail::raise<DataError>(
                    "BatchNorm", "channel " + std::to_string(c),
                    "running mean " + std::to_string(mean_[c]) + ", variance " + std::to_string(variance_[c]),
                    "finite values and a variance that is not negative");
            }
        }
    }
    void check(const Parameters& w) const { w.check("BatchNorm", shape_.channels); }

    std::string describe() const {
        return "BatchNorm " + (shape_.positions() == 1 ? std::to_string(shape_.channels) : shape_.text());
    }

private:
    using PerChannel = detail::Channelwise<S>;

    static constexpr auto scaled = [](const auto& v, const auto& inv, const auto& weight) {
        return Eigen::internal::pmul(v, Eigen::internal::pmul(inv, weight));
    };

    template <class P>
    P inverse(const P& variance) const {
        namespace ei = Eigen::internal;
        const P shifted = ei::padd(variance, ei::pset1<P>(static_cast<S>(epsilon_)));
        return ei::pdiv(ei::pset1<P>(S(1)), ei::psqrt(shifted));
    }

    PerChannel channelwise() const noexcept { return {shape_.channels, shape_.positions()}; }

    void take_statistics(const BatchView<S>& x, Cache& cache) const {
        namespace ei = Eigen::internal;
        const auto count = static_cast<S>(cache.values);
        channelwise().sum(cache.terms, cache.mean, std::array{&x}, PerChannel::constants(),
                          [](const auto& v) { return v; });
        cache.mean /= count;
        channelwise().sum(cache.terms, cache.variance, std::array{&x}, PerChannel::constants(cache.mean),
                          [](const auto& v, const auto& mean) {
                              const auto d = ei::psub(v, mean);
                              return ei::pmul(d, d);
                          });
        cache.variance /= count;
    }

    /// cache.sums: dy of each channel summed; cache.products: dy times the normalised x.
    void sum_gradients(const BatchView<S>& x, const BatchView<S>& dy, Cache& cache) const {
        channelwise().sum(cache.terms, cache.sums, std::array{&dy}, PerChannel::constants(),
                          [](const auto& d) { return d; });
        channelwise().sum(cache.terms, cache.products, std::array{&x, &dy},
                          PerChannel::constants(cache.mean, cache.inverse),
                          [](const auto& v, const auto& d, const auto& mean, const auto& inv) {
                              return Eigen::internal::pmul(d, detail::normalised(v, mean, inv));
                          });
    }

    void check_sizes() const {
        const double size = static_cast<double>(shape_.channels) * static_cast<double>(shape_.height) *
                            static_cast<double>(shape_.width);
        if (shape_.channels < 0 || shape_.height < 1 || shape_.width < 1 || size > 1e15) {
            detail::raise<ShapeError>("BatchNorm", "shape", shape_.text(),
                                      "no negative channels and a position at least");
        }
    }

    Shape shape_;
    double epsilon_;
    double momentum_;
    Column<S> mean_, variance_;
    Parameters parameters_;
};

/// Under the names known elsewhere: BatchNorm1d takes a number of features, BatchNorm2d a Shape.
template <std::floating_point S = float>
using BatchNorm1d = BatchNorm<S>;
/// See BatchNorm1d.
template <std::floating_point S = float>
using BatchNorm2d = BatchNorm<S>;

}  // namespace renn::inline RENN_ABI
