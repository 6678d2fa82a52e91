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
#include <renn/core/canonical.hpp>
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

/// out[i] = f(in[i]...) with f a function of packets; the values that do not fill one go through f one by one, as
/// Eigen assigns arrays.
template <class S, class F, class... In>
void assign(S* out, Index n, const F& f, const In*... in) {
    using K = canonical::detail::Kernel<S>;
    const Index whole = n - n % K::lanes;
    for (Index i = 0; i < whole; i += K::lanes) K::store(out + i, f(K::load(in + i)...));
    for (Index i = whole; i < n; ++i) out[i] = f(in[i]...);
}

/// x a + y b, of packets.
template <class S, class P>
P weighted(S x, const P& a, S y, const P& b) {
    namespace ei = Eigen::internal;
    return ei::padd(ei::pmul(ei::pset1<P>(x), a), ei::pmul(ei::pset1<P>(y), b));
}

constexpr Index piece_length = 1024;

/// Calls step(parameters, gradient, first, second, count) on short arrays that stay in L1 between the passes over them.
template <class P, class Step>
void for_each_piece(P& parameters, const P& gradient, Moments<P>& moments, const Step& step) {
    for_each_block(
        [&step](auto& p, const auto& g, auto& m, auto& v) {
            for (Index i = 0; i < p.size(); i += piece_length) {
                step(p.data() + i, g.data() + i, m.data() + i, v.data() + i, std::min(piece_length, p.size() - i));
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
        detail::require_option("Sgd", "learning_rate", learning_rate, learning_rate >= 0, "a finite value, 0 or more");
        detail::require_option("Sgd", "momentum", momentum, momentum >= 0 && momentum < 1, "0 or more, below 1");
        detail::require_option("Sgd", "weight_decay", weight_decay, weight_decay >= 0, "a finite value, 0 or more");
    }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        ++moments.step;
        detail::for_each_piece(parameters, gradient, moments,
                               [this](auto* w, const auto* g, auto* m, auto*, Index n) { this->step(w, g, m, n); });
    }

private:
    template <class S>
    void step(S* w, const S* g, S* m, Index n) const {
        namespace ei = Eigen::internal;
        const auto keep = static_cast<S>(momentum), decay = static_cast<S>(weight_decay);
        const auto rate = static_cast<S>(learning_rate);
        const auto average = [=]<class P>(const P& first, const P& slope, const P& weight) {
            const P sum = ei::padd(ei::pmul(ei::pset1<P>(keep), first), slope);
            return ei::padd(sum, ei::pmul(ei::pset1<P>(decay), weight));
        };
        const auto move = [=]<class P>(const P& weight, const P& first) {
            return ei::psub(weight, ei::pmul(ei::pset1<P>(rate), first));
        };
        detail::assign<S>(m, n, average, m, g, w);
        detail::assign<S>(w, n, move, w, m);
    }
};

namespace detail {

struct AdamConstants {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
};

inline void check_adam(const char* where, const AdamConstants& o) {
    require_option(where, "learning_rate", o.learning_rate, o.learning_rate >= 0, "a finite value, 0 or more");
    require_option(where, "beta1", o.beta1, o.beta1 >= 0 && o.beta1 < 1, "0 or more, below 1");
    require_option(where, "beta2", o.beta2, o.beta2 >= 0 && o.beta2 < 1, "0 or more, below 1");
    require_option(where, "epsilon", o.epsilon, o.epsilon > 0, "a finite value above 0");
    require_option(where, "weight_decay", o.weight_decay, o.weight_decay >= 0, "a finite value, 0 or more");
}

/// At most piece_length values.
template <class S>
void adam_step(const AdamConstants& o, bool decoupled, double rate, double correction, S* w, const S* g, S* m, S* v,
               Index n) {
    namespace ei = Eigen::internal;
    S decayed[piece_length];
    if (o.weight_decay != 0.0 && decoupled) {
        const S factor = static_cast<S>(1.0 - o.learning_rate * o.weight_decay);
        for (Index i = 0; i < n; ++i) w[i] *= factor;
    } else if (o.weight_decay != 0.0) {
        const S factor = static_cast<S>(o.weight_decay);
        for (Index i = 0; i < n; ++i) decayed[i] = g[i] + factor * w[i];
        g = decayed;
    }
    const auto beta1 = static_cast<S>(o.beta1), rest1 = static_cast<S>(1.0 - o.beta1);
    const auto beta2 = static_cast<S>(o.beta2), rest2 = static_cast<S>(1.0 - o.beta2);
    const auto epsilon = static_cast<S>(o.epsilon), a = static_cast<S>(rate), b = static_cast<S>(correction);
    const auto mean = [=](const auto& first, const auto& slope) { return weighted(beta1, first, rest1, slope); };
    const auto square = [=](const auto& second, const auto& slope) {
        return weighted(beta2, second, rest2, ei::pmul(slope, slope));
    };
    const auto move = [=]<class P>(const P& weight, const P& first, const P& second) {
        const P width = ei::padd(ei::pmul(ei::pset1<P>(b), ei::psqrt(second)), ei::pset1<P>(epsilon));
        return ei::psub(weight, ei::pdiv(ei::pmul(ei::pset1<P>(a), first), width));
    };
    assign<S>(m, n, mean, m, g);
    assign<S>(v, n, square, v, g);
    assign<S>(w, n, move, w, m, v);
}

/// Adam and AdamW differ only in where the weight decay goes: into the gradient, or straight to the weights.
template <class P>
void adam_update(const AdamConstants& o, bool decoupled, P& parameters, const P& gradient, Moments<P>& moments) {
    const auto t = static_cast<double>(++moments.step);
    const double rate = o.learning_rate / (1.0 - std::pow(o.beta1, t));
    const double correction = 1.0 / std::sqrt(1.0 - std::pow(o.beta2, t));
    for_each_piece(parameters, gradient, moments, [&](auto* w, const auto* g, auto* m, auto* v, Index n) {
        adam_step(o, decoupled, rate, correction, w, g, m, v, n);
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
        detail::adam_update({learning_rate, beta1, beta2, epsilon, weight_decay}, false, parameters, gradient, moments);
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
        detail::adam_update({learning_rate, beta1, beta2, epsilon, weight_decay}, true, parameters, gradient, moments);
    }
};

/// The optimizers that FitOptions can name; fit takes any type that is an Optimizer.
using AnyOptimizer = std::variant<Adam, AdamW, Sgd>;

}  // namespace renn::inline RENN_ABI
