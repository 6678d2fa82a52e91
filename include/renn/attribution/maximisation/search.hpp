// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/search.hpp - how a picture is searched for.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/attribution/maximisation/metric.hpp>
#include <renn/attribution/maximisation/objective_gradient.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/progress.hpp>
#include <renn/core/shape.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// Straight along the direction that the metric gives, as far as it is worth it: steps are halved until the objective
/// gains a ten thousandth of what the gradient promises, and twice as long after that succeeds at once. Never goes
/// down where views do not change from step to step.
/// Source   Armijo (1966).
struct LineSearch {
    double learning_rate = 1.0;  ///< length of the first step
    int halvings = 40;

    void check() const {
        detail::require_option("LineSearch", "learning_rate", learning_rate, learning_rate > 0,
                               "a finite value above 0");
    }
};

/// An optimizer as it is by default, but Adam with lucid's rate of 0.05.
template <class Way>
Way usual_way() {
    Way way{};
    if constexpr (std::is_same_v<Way, Adam>) way.learning_rate = 0.05;
    return way;
}

/// What is searched (the picture, or a code that a layer or a network makes pictures of), how the network sees the
/// picture at each step, how a step is made of a gradient, and in which metric it is steepest. Each member function
/// returns the search with one of them replaced:
///
///     Search().in(Network(Fourier<float>(shape), Range<float>())).under(robustness<float>(shape))
template <class Code = AsItIs, class Views = AsItIs, class Way = Adam, class M = Euclidean>
struct Search {
    Code code = {};
    Views views = {};
    Way way = usual_way<Way>();
    M metric = {};

    /// Pictures from a code: Fourier, Pyramid, ColourMix, Range, a Network of them, or a trained decoder.
    template <class C>
    Search<C, Views, Way, M> in(C other) const {
        return {std::move(other), views, way, metric};
    }
    /// The network sees pictures through these layers, drawn anew at each step: see robustness().
    template <class V>
    Search<Code, V, Way, M> under(V other) const {
        return {code, std::move(other), way, metric};
    }
    /// An Optimizer, or LineSearch.
    template <class W>
    Search<Code, Views, W, M> by(W other) const {
        return {code, views, std::move(other), metric};
    }
    /// A StepMetric.
    template <class N>
    Search<Code, Views, Way, N> steepest_in(N other) const {
        return {code, views, way, std::move(other)};
    }
};

/// A blur of the pictures themselves after every step, whose deviation falls in equal parts from one value to another:
/// coarse shapes come first, and detail only where they bear it. Of a code that is no picture it means nothing, and
/// after it a LineSearch may have gone down.
/// Source   the alternative to blur_difference; Gaussian blur as a regulariser is of Yosinski et al. (2015).
struct ShrinkingBlur {
    Shape shape;
    double from = 1.5, to = 0.3;  ///< standard deviations, in pixels; below 0.2 next to nothing is left of it

    double deviation(int step, int steps) const {
        return steps < 2 ? from : from + (to - from) * static_cast<double>(step) / static_cast<double>(steps - 1);
    }
};

/// Numbers of a search.
struct MaximiseOptions {
    int steps = 512;     ///< at most
    Index pictures = 1;  ///< searched for together
    double mean = 0.0;   ///< of the code at the start, which is drawn
    double deviation = 0.01;
    std::uint64_t seed = 0;                             ///< of the start and of the views
    std::optional<std::pair<double, double>> box = {};  ///< every value of the code is moved back into it at each step
    std::optional<ShrinkingBlur> blur = {};             ///< of the code, which is then a picture, after each step
    std::vector<int> snapshots = {};                    ///< after which steps to keep the pictures
    int patience = 50;                                  ///< ends when the mean of so many steps gains no more ...
    double least_gain = 1e-4;  ///< ... than this part of that of as many before; 0 steps: never
    int redirect = 0;          ///< steps at the start in which gradients get past dead ReLUs: see RedirectedGradient
    ProgressCallback progress = {};  ///< after each step; false ends the search

    /// Throws DataError for what makes no sense.
    void check() const {
        const auto require = [](bool fine, const char* what, const std::string& got, const char* expected) {
            if (!fine) detail::raise<DataError>("maximise", what, got, expected);
        };
        require(steps >= 0, "steps", std::to_string(steps), "0 or more");
        require(pictures >= 1, "pictures", std::to_string(pictures), "1 or more");
        require(patience >= 0, "patience", std::to_string(patience), "0 or more");
        require(std::isfinite(mean), "mean", std::to_string(mean), "a finite value");
        require(deviation >= 0.0 && std::isfinite(deviation), "deviation", std::to_string(deviation),
                "a finite value, 0 or more");
        if (box) {
            require(box->first < box->second, "box", std::to_string(box->first) + " to " + std::to_string(box->second),
                    "the lower end first");
        }
        if (blur) {
            for (const double end : {blur->from, blur->to}) {
                require(end >= 0.0 && std::isfinite(end), "deviation of the blur", std::to_string(end),
                        "a finite value >= 0");
            }
        }
    }
};

}  // namespace renn::inline RENN_ABI::maximisation
