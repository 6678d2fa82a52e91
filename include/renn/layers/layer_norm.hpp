// SPDX-License-Identifier: MIT
// renn/layers/layer_norm.hpp - normalisation of every sample by its own statistics.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/layers/scale_and_shift.hpp>

namespace renn::inline RENN_ABI {

/// As PyTorch's, with its default.
struct LayerNormOptions {
    double epsilon = 1e-5;
};

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias, with the mean and variance (divided by the number of
/// features) of each sample by itself, and a weight and a bias for each feature. The same in training and outside.
///
/// Shapes   X, Y: features x n; weights and bias: features x 1.
/// Throws   ShapeError if an argument does not fit; DataError for an impossible epsilon.
/// Numbers  every sum is canonical.
/// Source   Ba et al. (2016).
template <std::floating_point S = float>
class LayerNorm {
public:
    using Scalar = S;
    using Parameters = detail::ScaleAndShift<S>;
    using Options = LayerNormOptions;
    static constexpr std::string_view name = "LayerNorm";

    struct Cache {
        Column<S> mean, inverse;  ///< of every sample; inverse deviation
    };

    /// Without sizes yet; for loading.
    LayerNorm() : LayerNorm(0) {}
    explicit LayerNorm(Index features, Options options = {}) : features_(features), epsilon_(options.epsilon) {
        check();
        parameters_ = Parameters::ones(features);
    }

    Index in_features() const noexcept { return features_; }
    Index out_features() const noexcept { return features_; }
    double epsilon() const noexcept { return epsilon_; }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass&) const {
        namespace ei = Eigen::internal;
        check(w);
        require("LayerNorm::forward", "x", x, x.cols());
        detail::reshape(y, features_, x.cols());
        if (cache.mean.size() != x.cols()) cache.mean.resize(x.cols());
        if (cache.inverse.size() != x.cols()) cache.inverse.resize(x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S mean = canonical::sum(x.col(j).data(), features_) / count();
            const auto squared = [mean](const auto& v) {
                const auto d = ei::psub(v, ei::pset1<std::decay_t<decltype(v)>>(mean));
                return ei::pmul(d, d);
            };
            const S variance = canonical::sum_of(features_, squared, x.col(j).data()) / count();
            const S inverse = S(1) / std::sqrt(variance + static_cast<S>(epsilon_));
            cache.mean[j] = mean;
            cache.inverse[j] = inverse;
            canonical::combine(
                y.col(j).data(), features_,
                [=](const auto& v, const auto& weight, const auto& bias) {
                    return ei::pmadd(normal(v, mean, inverse), weight, bias);
                },
                x.col(j).data(), w.weights.data(), w.bias.data());
        }
    }

    /// With a = weight dY, n the normalised X and means over the features: dX = (a - mean(a) - n mean(a n)) /
    /// deviation.
    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache& cache,
                  const BatchView<S>& dy, Dx& dx, G& g) const {
        check(w);
        require("LayerNorm::backward", "x", x, cache.mean.size());
        require("LayerNorm::backward", "dy", dy, x.cols());
        if constexpr (is_wanted<G>) sum_gradients(x, cache, dy, g);
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, features_, x.cols());
            for (Index j = 0; j < x.cols(); ++j) {
                const S* weights = w.weights.data();
                project(x.col(j).data(), cache, j, dx.col(j).data(), times, dy.col(j).data(), weights);
            }
        }
    }

    /// dY = weight n' + dweight n + dbias, with n' = (dX - mean(dX) - n mean(dX n)) / deviation.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache& cache, Batch<S>& dy) const {
        namespace ei = Eigen::internal;
        check(w);
        require("LayerNorm::tangent", "x", x, cache.mean.size());
        require("LayerNorm::tangent", "dx", dx, x.cols());
        if constexpr (is_wanted<Dw>) check(dw);
        detail::reshape(dy, features_, x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            S* out = dy.col(j).data();
            const S mean = cache.mean[j], inverse = cache.inverse[j];
            project(x.col(j).data(), cache, j, out, itself, dx.col(j).data());
            if constexpr (is_wanted<Dw>) {
                canonical::combine(
                    out, features_,
                    [=](const auto& moved, const auto& v, const auto& weight, const auto& weight_d,
                        const auto& bias_d) {
                        return ei::pmadd(moved, weight, ei::pmadd(normal(v, mean, inverse), weight_d, bias_d));
                    },
                    static_cast<const S*>(out), x.col(j).data(), w.weights.data(), dw.weights.data(), dw.bias.data());
            } else {
                canonical::combine(out, features_, times, static_cast<const S*>(out), w.weights.data());
            }
        }
    }

    /// The product rule on backward: with a' the direction of a and q = mean(dX n),
    /// dX' = project(a') - (q dX_plain + n' mean(a n) + n mean(a n')) / deviation, where dX_plain is backward's result.
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, const Cache& cache, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        namespace ei = Eigen::internal;
        check(w);
        require("LayerNorm::backward_tangent", "x", x, cache.mean.size());
        require("LayerNorm::backward_tangent", "dx", dx, x.cols());
        require("LayerNorm::backward_tangent", "above", above, x.cols());
        require("LayerNorm::backward_tangent", "above_tangent", above_tangent, x.cols());
        if constexpr (is_wanted<Dw>) check(dw);
        if constexpr (is_wanted<G>) sum_gradients(x, cache, above_tangent, g);
        if constexpr (is_wanted<Dx>) detail::reshape(dx_tangent, features_, x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S* in = x.col(j).data();
            const S* direction = dx.col(j).data();
            const S* a = above.col(j).data();
            const S* weights = w.weights.data();
            const S mean = cache.mean[j], inverse = cache.inverse[j];
            const Means of_dx = means(in, cache, j, itself, direction);
            if constexpr (is_wanted<G>) {
                canonical::combine(
                    g.weights.data(), features_,
                    [=](const auto& so_far, const auto& v, const auto& d, const auto& p) {
                        return ei::pmadd(p, projected(d, normal(v, mean, inverse), of_dx, inverse), so_far);
                    },
                    static_cast<const S*>(g.weights.data()), in, direction, a);
            }
            if constexpr (is_wanted<Dx>) {
                S* out = dx_tangent.col(j).data();
                const S* change = above_tangent.col(j).data();
                if constexpr (is_wanted<Dw>) {
                    const auto both = [](const auto& da, const auto& weight, const auto& p, const auto& weight_d) {
                        return ei::pmadd(da, weight, ei::pmul(p, weight_d));
                    };
                    project(in, cache, j, out, both, change, weights, a, dw.weights.data());
                } else {
                    project(in, cache, j, out, times, change, weights);
                }
                const Means of_a = means(in, cache, j, times, a, weights);
                const auto moved = [=](const auto& v, const auto& d, const auto& p, const auto& weight) {
                    return ei::pmul(ei::pmul(p, weight), projected(d, normal(v, mean, inverse), of_dx, inverse));
                };
                const S mean_an = canonical::sum_of(features_, moved, in, direction, a, weights) / count();
                canonical::combine(
                    out, features_,
                    [=](const auto& so_far, const auto& v, const auto& d, const auto& p, const auto& weight) {
                        using P = std::decay_t<decltype(v)>;
                        const P n = normal(v, mean, inverse);
                        const P plain = projected(ei::pmul(p, weight), n, of_a, inverse);
                        const P turned = projected(d, n, of_dx, inverse);
                        P change_of_n = ei::pmul(n, ei::pset1<P>(mean_an));
                        change_of_n = ei::pmadd(turned, ei::pset1<P>(of_a.with_normal), change_of_n);
                        change_of_n = ei::pmadd(plain, ei::pset1<P>(of_dx.with_normal), change_of_n);
                        return ei::psub(so_far, ei::pmul(ei::pset1<P>(inverse), change_of_n));
                    },
                    static_cast<const S*>(out), in, direction, a, weights);
            }
        }
    }

    auto constants() noexcept { return std::tie(features_, epsilon_); }
    auto constants() const noexcept { return std::tie(features_, epsilon_); }
    void check() const {
        if (features_ < 0) {
            detail::raise<ShapeError>("LayerNorm", "features", std::to_string(features_), "not negative");
        }
        if (!(std::isfinite(epsilon_) && static_cast<S>(epsilon_) > S(0))) {
            detail::raise<DataError>("LayerNorm", "epsilon", std::to_string(epsilon_), "a finite value above 0");
        }
    }
    void check(const Parameters& w) const { w.check("LayerNorm", features_); }

    std::string describe() const { return "LayerNorm " + std::to_string(features_); }

private:
    struct Means {
        S plain, with_normal;  ///< mean(a) and mean(a n)
    };

    static constexpr auto times = [](const auto& p, const auto& q) { return Eigen::internal::pmul(p, q); };
    static constexpr auto itself = [](const auto& p) { return p; };

    S count() const noexcept { return static_cast<S>(features_); }

    void require(const char* where, const char* what, const BatchView<S>& m, Index samples) const {
        detail::require_shape(where, what, m, features_, samples);
    }

    template <class P>
    static P normal(const P& v, S mean, S inverse) {
        namespace ei = Eigen::internal;
        return detail::normalised(v, ei::pset1<P>(mean), ei::pset1<P>(inverse));
    }

    /// (a - mean(a) - n mean(a n)) / deviation, the derivative of normalising, which is its own transpose.
    template <class P>
    static P projected(const P& a, const P& n, const Means& m, S inverse) {
        namespace ei = Eigen::internal;
        const P centred = ei::psub(a, ei::pset1<P>(m.plain));
        return ei::pmul(ei::psub(centred, ei::pmul(n, ei::pset1<P>(m.with_normal))), ei::pset1<P>(inverse));
    }

    /// The means of a = f(in...) over the features of sample j.
    template <class F, class... In>
    Means means(const S* x, const Cache& cache, Index j, const F& f, const In*... in) const {
        const auto weighted = [&f, mean = cache.mean[j], inverse = cache.inverse[j]](const auto& v, const auto&... p) {
            return Eigen::internal::pmul(f(p...), normal(v, mean, inverse));
        };
        return {canonical::sum_of(features_, f, in...) / count(),
                canonical::sum_of(features_, weighted, x, in...) / count()};
    }

    template <class F, class... In>
    void project(const S* x, const Cache& cache, Index j, S* out, const F& f, const In*... in) const {
        const S mean = cache.mean[j], inverse = cache.inverse[j];
        const Means m = means(x, cache, j, f, in...);
        canonical::combine(
            out, features_,
            [&](const auto& v, const auto&... p) { return projected(f(p...), normal(v, mean, inverse), m, inverse); },
            x, in...);
    }

    /// Over the samples: dy n to g.weights, dy to g.bias.
    void sum_gradients(const BatchView<S>& x, const Cache& cache, const BatchView<S>& dy, Parameters& g) const {
        g.resize(features_);
        g.weights.setZero();
        g.bias.setZero();
        for (Index j = 0; j < x.cols(); ++j) {
            canonical::combine(
                g.weights.data(), features_,
                [mean = cache.mean[j], inverse = cache.inverse[j]](const auto& so_far, const auto& v, const auto& d) {
                    return Eigen::internal::pmadd(d, normal(v, mean, inverse), so_far);
                },
                static_cast<const S*>(g.weights.data()), x.col(j).data(), dy.col(j).data());
            g.bias += dy.col(j);
        }
    }

    Index features_;
    double epsilon_;
    Parameters parameters_;
};

}  // namespace renn::inline RENN_ABI
