// SPDX-License-Identifier: MIT
// network/user_layers.hpp - layers, a visitor and a rule as a user of the library would write them.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <renn/core/layer.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/gradient.hpp>

namespace elsewhere {

/// y = gain * x, one gain a feature. Takes matrices only, knows neither views nor NotWanted, and has a member whose
/// name the library uses elsewhere.
template <class S>
class Gain {
public:
    using Scalar = S;
    struct Parameters {
        renn::Column<S> gain;
        auto blocks() { return std::tie(gain); }
        auto blocks() const { return std::tie(gain); }
    };
    using Cache = renn::NoCache;
    static constexpr std::string_view name = "Gain";

    explicit Gain(renn::Index features)
        : size(features), parameters_{renn::Column<S>::LinSpaced(features, S(0.5), S(1.5))} {}

    renn::Index in_features() const { return size; }
    renn::Index out_features() const { return size; }
    const Parameters& parameters() const { return parameters_; }

    void forward(const Parameters& w, const renn::Batch<S>& x, renn::Batch<S>& y, Cache&, const renn::Pass&) const {
        y = w.gain.asDiagonal() * x;
    }
    void backward(const Parameters& w, const renn::Batch<S>& x, const renn::Batch<S>&, const Cache&,
                  const renn::Batch<S>& dy, renn::Batch<S>& dx, Parameters& g) const {
        dx = w.gain.asDiagonal() * dy;
        g.gain = dy.cwiseProduct(x).rowwise().sum();
    }

    renn::Index size;

private:
    Parameters parameters_;
};

/// y = x / |x|, with the norms kept for backward.
template <class S>
class Normalise {
public:
    using Scalar = S;
    using Parameters = renn::NoParameters;
    struct Cache {
        renn::Column<S> norm;
    };
    static constexpr std::string_view name = "Normalise";
    static constexpr bool is_activation = true;

    const Parameters& parameters() const { return none_; }

    void forward(const Parameters&, const renn::BatchView<S>& x, renn::Batch<S>& y, Cache& cache,
                 const renn::Pass&) const {
        cache.norm.resize(x.cols());
        y.resize(x.rows(), x.cols());
        for (renn::Index j = 0; j < x.cols(); ++j) {
            S sum = 0;
            for (renn::Index i = 0; i < x.rows(); ++i) sum += x(i, j) * x(i, j);
            cache.norm[j] = std::sqrt(sum);
            for (renn::Index i = 0; i < x.rows(); ++i) y(i, j) = x(i, j) / cache.norm[j];
        }
    }
    template <class Dx, class G>
    void backward(const Parameters&, const renn::BatchView<S>&, const renn::BatchView<S>& y, const Cache& cache,
                  const renn::BatchView<S>& dy, Dx& dx, G&) const {
        if constexpr (renn::is_wanted<Dx>) {
            dx.resize(y.rows(), y.cols());
            for (renn::Index j = 0; j < y.cols(); ++j) {
                dx.col(j) = (dy.col(j) - y.col(j) * y.col(j).dot(dy.col(j))) / cache.norm[j];
            }
        }
    }

private:
    Parameters none_;
};

/// Writes down every layer it is shown.
struct Diary {
    std::vector<std::string> lines;

    template <class L>
    void visit(const renn::Step<L>& s) {
        lines.push_back(std::string(s.path) + " " + std::to_string(s.index) + " " + std::to_string(s.x.rows()) + "->" +
                        std::to_string(s.y.rows()) + " " + std::string(L::name));
    }
};

/// Gradient times input at every layer: the chain rule with a note on the way. A layer of the library has an overload
/// of its own, all others go the general way.
struct GradientTimesInput {
    std::vector<std::string> paths;
    std::vector<double> sums;
    int dense_layers = 0;
};

template <class L, class Below>
void reverse(GradientTimesInput& rule, const renn::Step<L>& s, renn::X<L> above, Below& below) {
    renn::reverse(renn::InputGradient{}, s, above, below);
    rule.paths.emplace_back(s.path);
    rule.sums.push_back(static_cast<double>(above.cwiseProduct(s.y).sum()));
}

template <class S, renn::Index In, renn::Index Out, class Below>
void reverse(GradientTimesInput& rule, const renn::Step<renn::Dense<S, In, Out>>& s, const renn::BatchView<S>& above,
             Below& below) {
    if constexpr (renn::is_wanted<Below>) s.layer.map_transposed(s.weights, above, below);
    rule.paths.emplace_back(s.path);
    rule.sums.push_back(static_cast<double>(above.cwiseProduct(s.y).sum()));
    ++rule.dense_layers;
}

static_assert(renn::DifferentiableLayer<Gain<float>> && !renn::LinearLayer<Gain<float>>);
static_assert(renn::DifferentiableLayer<Normalise<double>>);

}  // namespace elsewhere
