// SPDX-License-Identifier: MIT
// renn/attribution/roots.hpp - inputs near given ones at which the target is 0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/baseline.hpp>
#include <renn/attribution/explain.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {

/// Of the search for roots.
struct RootOptions {
    double tolerance = 1e-6;  ///< |f| at a root, as a share of |f(x)|; of float networks not below 1e-5
    Index steps = 100;        ///< evaluations at most
    double low = -std::numeric_limits<double>::infinity();  ///< every feature of a root lies between low and high
    double high = std::numeric_limits<double>::infinity();
};

/// An input for each sample, and whether the target is 0 there.
template <class S>
struct Roots {
    Batch<S> points;          ///< features x n; where no root was found, the nearest to one that was
    Column<S> values;         ///< of the target there
    std::vector<char> found;  ///< one a sample: 0 where no root was found
};

namespace detail {

template <class S>
class RootSearch {
public:
    RootSearch(const RootOptions& options, const BatchView<S>& x, const Column<S>& values) : options_(options) {
        if (!(options.low <= options.high)) {
            raise<DataError>("roots", "domain", std::to_string(options.low) + ".." + std::to_string(options.high),
                             "low <= high");
        }
        if (!(options.tolerance > 0.0)) {
            raise<DataError>("roots", "tolerance", std::to_string(options.tolerance), "above 0");
        }
        const S share = std::max(static_cast<S>(options.tolerance), 100 * std::numeric_limits<S>::epsilon());
        bound_ = share * values.cwiseAbs();
        roots_.points = x;
        roots_.values = values;
        for (Index j = 0; j < x.cols(); ++j) roots_.found.push_back(close(j));
        stuck_.assign(roots_.found.size(), 0);
    }

    bool searching(Index j) const { return at(roots_.found, j) == 0 && at(stuck_, j) == 0; }
    bool any() const {
        for (Index j = 0; j < roots_.points.cols(); ++j) {
            if (searching(j)) return true;
        }
        return false;
    }
    void give_up(Index j) { at(stuck_, j) = 1; }
    /// Takes a point if its value is nearer to 0.
    bool take(Index j, const BatchView<S>& points, S value) {
        if (!(std::abs(value) < std::abs(roots_.values[j]))) return false;
        roots_.points.col(j) = points.col(j);
        roots_.values[j] = value;
        at(roots_.found, j) = close(j);
        return true;
    }
    const Roots<S>& roots() const noexcept { return roots_; }

private:
    template <class V>
    static auto& at(V& flags, Index j) {
        return flags[static_cast<std::size_t>(j)];
    }
    char close(Index j) const { return std::abs(roots_.values[j]) <= bound_[j] ? 1 : 0; }

    const RootOptions& options_;
    Column<S> bound_;
    Roots<S> roots_;
    std::vector<char> stuck_;
};

}  // namespace detail

/// Walks from each x against the gradient, x <- x - f g / (g . g), held inside the domain; where |f| would not fall,
/// the step is halved. Nothing is silent: see Roots::found.
///
/// Throws   DataError for a domain or tolerance that makes no sense; as the target.
/// Cost     a gradient a step, for all samples together.
/// Source   Montavon et al. (2017), "Explaining nonlinear classification decisions with deep Taylor decomposition".
template <class Net, class T>
Roots<typename Net::Scalar> nearest_roots(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                                          const RootOptions& options, AttributionWorkspace<Net>& w) {
    using S = typename Net::Scalar;
    InputGradient rule;
    forward_to(net, x, target, w);
    const T chosen = settled(target, w);
    detail::RootSearch<S> search(options, x, w.value);
    Batch<S> slope, trial = x;
    backward_from(net, x, chosen, rule, w, slope);
    Column<S> factor = Column<S>::Ones(x.cols());
    for (Index step = 0; step < options.steps && search.any(); ++step) {
        const Roots<S>& now = search.roots();
        for (Index j = 0; j < x.cols(); ++j) {
            const S norm = slope.col(j).squaredNorm();
            trial.col(j) = now.points.col(j);
            if (!search.searching(j)) continue;
            if (!(norm > S(0))) {
                search.give_up(j);
                continue;
            }
            trial.col(j) -= factor[j] * now.values[j] / norm * slope.col(j);
            trial.col(j) = trial.col(j).cwiseMax(static_cast<S>(options.low)).cwiseMin(static_cast<S>(options.high));
        }
        forward_to(net, trial, chosen, w);
        backward_from(net, trial, chosen, rule, w, w.below);
        for (Index j = 0; j < x.cols(); ++j) {
            if (!search.searching(j)) continue;
            const bool nearer = search.take(j, trial, w.value[j]);
            factor[j] = nearer ? S(1) : factor[j] / 2;
            if (nearer) slope.col(j) = w.below.col(j);
            if (factor[j] < S(1e-6)) search.give_up(j);
        }
    }
    return search.roots();
}

/// The root between each x and a baseline on whose side f has the other sign, by bisection.
///
/// Throws   as nearest_roots; ShapeError for a baseline of another shape.
/// Cost     a forward pass a step, for all samples together.
template <class Net, class T>
Roots<typename Net::Scalar> roots_towards(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                                          const Baseline& baseline, const RootOptions& options,
                                          AttributionWorkspace<Net>& w) {
    using S = typename Net::Scalar;
    baseline.check("roots", x.rows(), x.cols());
    forward_to(net, x, target, w);
    const T chosen = settled(target, w);
    detail::RootSearch<S> search(options, x, w.value);
    const Column<S> here = w.value;
    Batch<S> other(x.rows(), x.cols()), trial(x.rows(), x.cols());
    baseline.write(other);
    forward_to(net, other, chosen, w);
    for (Index j = 0; j < x.cols(); ++j) {
        const bool apart = (here[j] > S(0)) != (w.value[j] > S(0));
        if (!apart) search.give_up(j);
        if (search.searching(j)) search.take(j, other, w.value[j]);
    }
    Column<S> near = Column<S>::Zero(x.cols()), far = Column<S>::Ones(x.cols());
    for (Index step = 0; step < options.steps && search.any(); ++step) {
        for (Index j = 0; j < x.cols(); ++j)
            trial.col(j) = x.col(j) + (near[j] + far[j]) / 2 * (other.col(j) - x.col(j));
        forward_to(net, trial, chosen, w);
        for (Index j = 0; j < x.cols(); ++j) {
            if (!search.searching(j)) continue;
            search.take(j, trial, w.value[j]);
            const bool as_here = (w.value[j] > S(0)) == (here[j] > S(0));
            (as_here ? near[j] : far[j]) = (near[j] + far[j]) / 2;
        }
    }
    return search.roots();
}

}  // namespace renn::inline RENN_ABI
