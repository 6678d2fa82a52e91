// SPDX-License-Identifier: MIT
// renn/training/optimizer.hpp - how parameters follow a gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

/// What an optimizer remembers from step to step, in the shape of the parameters.
template <class P>
struct Moments {
    P first, second;
    std::uint64_t step = 0;

    explicit Moments(const P& parameters)
        : first(detail::zeros_like(parameters)), second(detail::zeros_like(parameters)) {}
};

/// One step from a gradient. Your own type works like the ones below.
template <class O, class P>
concept Optimizer = requires(const O& o, P& parameters, const P& gradient, Moments<P>& moments) {
    o.check();
    o.update(parameters, gradient, moments);
};

namespace detail {

inline void require_option(const char* where, const char* what, double value, bool fine, const char* expected) {
    if (!fine || !std::isfinite(value)) raise<DataError>(where, what, std::to_string(value), expected);
}

/// Calls f(parameter, gradient, first, second) on short arrays that stay in L1 between the passes over them.
template <class P, class F>
void for_each_piece(P& parameters, const P& gradient, Moments<P>& moments, F&& f) {
    for_each_block(
        [&f](auto& p, const auto& g, auto& m, auto& v) {
            using S = typename std::remove_cvref_t<decltype(p)>::Scalar;
            using Piece = Eigen::Array<S, Eigen::Dynamic, 1>;
            constexpr Index length = 1024;
            for (Index i = 0; i < p.size(); i += length) {
                const Index n = std::min(length, p.size() - i);
                Eigen::Map<Piece> parameter(p.data() + i, n), first(m.data() + i, n), second(v.data() + i, n);
                const Eigen::Map<const Piece> slope(g.data() + i, n);
                f(parameter, slope, first, second);
            }
        },
        parameters, gradient, moments.first, moments.second);
}

}  // namespace detail

/// Stochastic gradient descent with momentum: m = momentum m + g + weight_decay w, w -= learning_rate m.
/// Source   the form of Sutskever et al. (2013) without dampening, as PyTorch has it.
struct Sgd {
    double learning_rate = 0.01;
    double momentum = 0.0;
    double weight_decay = 0.0;

    void check() const {
        detail::require_option("Sgd", "learning_rate", learning_rate, learning_rate >= 0, "a finite value >= 0");
        detail::require_option("Sgd", "momentum", momentum, momentum >= 0 && momentum < 1, "0 <= momentum < 1");
        detail::require_option("Sgd", "weight_decay", weight_decay, weight_decay >= 0, "a finite value >= 0");
    }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        ++moments.step;
        detail::for_each_piece(parameters, gradient, moments, [this](auto& w, const auto& g, auto& m, auto&) {
            using S = typename std::remove_cvref_t<decltype(w)>::Scalar;
            m = static_cast<S>(momentum) * m + g + static_cast<S>(weight_decay) * w;
            w -= static_cast<S>(learning_rate) * m;
        });
    }
};

namespace detail {

struct AdamConstants {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
};

inline void check_adam(const char* where, const AdamConstants& o) {
    require_option(where, "learning_rate", o.learning_rate, o.learning_rate >= 0, "a finite value >= 0");
    require_option(where, "beta1", o.beta1, o.beta1 >= 0 && o.beta1 < 1, "0 <= beta1 < 1");
    require_option(where, "beta2", o.beta2, o.beta2 >= 0 && o.beta2 < 1, "0 <= beta2 < 1");
    require_option(where, "epsilon", o.epsilon, o.epsilon > 0, "a finite value > 0");
    require_option(where, "weight_decay", o.weight_decay, o.weight_decay >= 0, "a finite value >= 0");
}

/// Adam and AdamW differ only in where the weight decay goes: into the gradient, or straight to the weights.
template <bool Decoupled, class P>
void adam_update(const AdamConstants& o, P& parameters, const P& gradient, Moments<P>& moments) {
    const auto t = static_cast<double>(++moments.step);
    const double rate = o.learning_rate / (1.0 - std::pow(o.beta1, t));
    const double correction = 1.0 / std::sqrt(1.0 - std::pow(o.beta2, t));
    for_each_piece(parameters, gradient, moments, [&](auto& w, const auto& slope, auto& m, auto& v) {
        using S = typename std::remove_cvref_t<decltype(w)>::Scalar;
        const auto step = [&](const auto& g) {
            m = static_cast<S>(o.beta1) * m + static_cast<S>(1.0 - o.beta1) * g;
            v = static_cast<S>(o.beta2) * v + static_cast<S>(1.0 - o.beta2) * g.square();
            w -= static_cast<S>(rate) * m / (static_cast<S>(correction) * v.sqrt() + static_cast<S>(o.epsilon));
        };
        if constexpr (Decoupled) {
            if (o.weight_decay != 0.0) w *= static_cast<S>(1.0 - o.learning_rate * o.weight_decay);
            step(slope);
        } else if (o.weight_decay != 0.0) {
            step(slope + static_cast<S>(o.weight_decay) * w);
        } else {
            step(slope);
        }
    });
}

}  // namespace detail

/// Source   Kingma and Ba (2015), algorithm 1; weight decay is added to the gradient.
struct Adam {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;

    void check() const { detail::check_adam("Adam", {learning_rate, beta1, beta2, epsilon, weight_decay}); }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        detail::adam_update<false>({learning_rate, beta1, beta2, epsilon, weight_decay}, parameters, gradient, moments);
    }
};

/// Source   Loshchilov and Hutter (2019), algorithm 2: weight decay acts on the weights, not through the moments.
struct AdamW {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.01;

    void check() const { detail::check_adam("AdamW", {learning_rate, beta1, beta2, epsilon, weight_decay}); }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        detail::adam_update<true>({learning_rate, beta1, beta2, epsilon, weight_decay}, parameters, gradient, moments);
    }
};

/// The optimizers that FitOptions can name; fit takes any type that is an Optimizer.
using AnyOptimizer = std::variant<Adam, AdamW, Sgd>;

}  // namespace renn::inline RENN_ABI
