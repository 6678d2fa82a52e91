// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/maximise.hpp - the picture for which a network says most of something.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/attribution/gaussian_blur.hpp>
#include <renn/attribution/maximisation/ascent.hpp>
#include <renn/attribution/maximisation/objective.hpp>
#include <renn/attribution/maximisation/objective_gradient.hpp>
#include <renn/attribution/maximisation/search.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/function_ref.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI {
namespace maximisation {

/// The pictures after some steps.
template <class S>
struct Snapshot {
    int step = 0;
    Batch<S> pictures;
};

/// What a search found.
template <class S>
struct Maximised {
    Batch<S> pictures;          ///< features x pictures
    Batch<S> code;              ///< what they are made from; without a code, themselves
    Column<S> value;            ///< the objective of each, with the network seeing it as it is
    std::vector<double> trace;  ///< the sum over pictures before each step, as the network saw them
    std::vector<Snapshot<S>> snapshots;
    int restarts = 0;        ///< because something was not finite: each from the last snapshot, at half the rate
    bool converged = false;  ///< nothing more was to be gained
    std::vector<std::string> warnings;  ///< what a reader of the pictures should know
};

}  // namespace maximisation

namespace detail {

/// Whether the mean of the last `patience` values is hardly above that of as many before.
inline bool gains_no_more(const std::vector<double>& trace, const maximisation::MaximiseOptions& o) {
    const auto n = static_cast<std::ptrdiff_t>(o.patience);
    if (n == 0 || std::ssize(trace) < 2 * n) return false;
    double now = 0.0, before = 0.0;
    for (std::ptrdiff_t i = 1; i <= n; ++i) {
        now += *(trace.end() - i);
        before += *(trace.end() - i - n);
    }
    return now - before < o.least_gain * std::abs(before);
}

/// What a search does with code, views, network, metric and optimizer, whatever their types.
template <class S>
struct Climb {
    FunctionRef<const Column<S>&(const Batch<S>&, const Pass&, bool)> values;
    FunctionRef<const Batch<S>&(const Batch<S>&, bool)> gradient;
    FunctionRef<const Batch<S>&()> picture;
    FunctionRef<bool(Index)> is_dead;
    FunctionRef<bool(Batch<S>&, const Batch<S>&, double, TotalRef<S>)> step;
    FunctionRef<void(const Batch<S>&)> slower;
};

template <class S>
void warn_of_bounds(const Batch<S>& code, bool held, const maximisation::MaximiseOptions& o,
                    maximisation::Maximised<S>& result) {
    if (o.box) {
        const auto low = static_cast<S>(o.box->first), high = static_cast<S>(o.box->second);
        for (Index j = 0; j < code.cols(); ++j) {
            const auto at_edge = (code.col(j).array() <= low || code.col(j).array() >= high).count();
            if (2 * at_edge > code.rows()) {
                result.warnings.push_back("picture " + std::to_string(j) + ": " + std::to_string(at_edge) + " of " +
                                          std::to_string(code.rows()) +
                                          " values stand at the edge of the box: the objective may have no bound "
                                          "without it; subtract a penalty");
            }
        }
        return;
    }
    if (!held && !result.converged) {
        result.warnings.emplace_back(
            "nothing keeps the pictures from growing, and they still do: subtract a penalty, or give a box or a range");
    }
}

/// The search. `held`: something keeps the pictures from growing without end.
template <class S>
maximisation::Maximised<S> ascend(const Climb<S>& climb, const BatchView<S>& start, bool held,
                                  const maximisation::MaximiseOptions& o) {
    maximisation::Maximised<S> result;
    Batch<S>& code = result.code;
    code = start;
    hold_in_box(code, o);
    GaussianBlur<S> blur(o.blur ? o.blur->shape : Shape{});
    if (o.blur) require_image("maximise: blur", o.blur->shape, code.rows());
    Pass pass{.seed = o.seed};
    const auto total = [&](const Batch<S>& at) {
        double sum = 0.0;
        for (const S v : climb.values(at, pass, true)) sum += static_cast<double>(v);
        return sum;
    };
    struct {
        Batch<S> code;
        int step = 0;
    } safe{code};

    result.trace.reserve(static_cast<std::size_t>(o.steps));
    for (int step = 0; step < o.steps; ++step) {
        pass.step = static_cast<std::uint64_t>(step);
        const double value = total(code);
        const bool redirected = step < o.redirect;
        const Batch<S>& gradient = climb.gradient(code, redirected);
        if (!std::isfinite(value) || !all_finite(gradient)) {
            if (step == safe.step || result.restarts == 3) {
                raise<DataError>("maximise", "objective or its gradient at step " + std::to_string(step),
                                 std::to_string(value) + " after " + std::to_string(result.restarts) + " restarts",
                                 "finite values");
            }
            ++result.restarts;
            code = safe.code;
            climb.slower(code);
            result.trace.resize(static_cast<std::size_t>(safe.step));
            std::erase_if(result.snapshots, [&](const maximisation::Snapshot<S>& s) { return s.step >= safe.step; });
            step = safe.step - 1;
            continue;
        }
        if (result.restarts == 0 && step == (o.steps > o.redirect ? o.redirect : 0)) {
            for (Index j = 0; j < code.cols(); ++j) {
                if (climb.is_dead(j)) {
                    result.warnings.push_back("picture " + std::to_string(j) +
                                              ": no gradient comes through the network " +
                                              (step == 0 ? "at the start" : "at step " + std::to_string(step)) +
                                              ": look at the layer before the activation, redirect longer, or start "
                                              "elsewhere");
                }
            }
        }
        const bool snap = std::find(o.snapshots.begin(), o.snapshots.end(), step) != o.snapshots.end();
        if (snap) result.snapshots.push_back({step, climb.picture()});
        if (snap || step % 50 == 0) {
            safe.code = code;
            safe.step = step;
        }
        result.trace.push_back(value);
        result.converged = gains_no_more(result.trace, o) || !climb.step(code, gradient, value, total);
        if (result.converged) break;
        if (o.blur) blur(code, o.blur->deviation(step, o.steps));
        if (o.progress &&
            !o.progress({static_cast<std::uint64_t>(step) + 1, static_cast<std::uint64_t>(o.steps), "searching"})) {
            break;
        }
    }
    result.value = climb.values(code, pass, false);
    if (!all_finite(result.value)) {  // the last step went too far
        code = safe.code;
        result.value = climb.values(code, pass, false);
        result.warnings.push_back("the end was not finite: the pictures are those after " + std::to_string(safe.step) +
                                  " steps");
    }
    result.pictures = climb.picture();
    if (std::find(o.snapshots.begin(), o.snapshots.end(), static_cast<int>(result.trace.size())) != o.snapshots.end() &&
        !result.converged) {
        result.snapshots.push_back({static_cast<int>(result.trace.size()), result.pictures});
    }
    warn_of_bounds(code, held, o, result);
    return result;
}

}  // namespace detail

namespace maximisation {

/// Pictures for which the objective is greatest, from a start: code x pictures.
///
/// Batch normalisation and dropout are in evaluation mode. The same arguments give the same bits.
///
/// Shapes   start: in_features of the code (without one: of the network) x pictures.
/// Throws   DataError for a layer that the network does not have, for options that make no sense, and if the objective
///          or its gradient is not finite at the start, or again and again after it; ShapeError where sizes do not fit.
/// Cost     a step: a forward and a backward pass of code, views and network for all pictures, and the optimizer's. It
///          allocates nothing but what targets and metrics say they do.
/// Threads  may run on several threads at once.
template <class Net, class T, class Code, class Views, class Way, class M>
Maximised<typename Net::Scalar> maximise_from(const Net& net, const T& what,
                                              const BatchView<typename Net::Scalar>& start,
                                              const Search<Code, Views, Way, M>& search,
                                              const MaximiseOptions& o = {}) {
    using S = typename Net::Scalar;
    o.check();
    detail::require_finite<S>("maximise", "start", start);
    const auto sought = objective(what);
    detail::ObjectiveGradient<Net, Code, Views> evaluate(net, detail::asked<S>(sought), search.code, search.views);
    detail::Ascent<S, Way> ascent(search.way, start);
    const auto values = [&](const Batch<S>& code, const Pass& pass, bool changed) -> const Column<S>& {
        return evaluate.value(code, pass, changed);
    };
    const auto gradient = [&](const Batch<S>& code, bool redirect) -> const Batch<S>& {
        return evaluate.gradient(code, redirect);
    };
    const auto picture = [&]() -> const Batch<S>& { return evaluate.picture(); };
    const auto is_dead = [&](Index j) { return evaluate.is_dead(j); };
    const auto step = [&](Batch<S>& code, const Batch<S>& g, double value, detail::TotalRef<S> total) {
        return ascent.step(code, g, search.metric, value, total, o);
    };
    const auto slower = [&](const Batch<S>& code) { ascent.slower(code); };
    bool held = !std::is_same_v<Code, AsItIs>, probability = false;
    const auto look = [&](const auto& term) {
        held = held || term.look == Look::picture || term.look == Look::code;
        using U = std::remove_cvref_t<decltype(term.target)>;
        probability = probability || std::is_same_v<U, ProbabilityTarget>;
    };
    std::apply([&](const auto&... terms) { (look(terms), ...); }, sought.terms);
    auto result = detail::ascend<S>({values, gradient, picture, is_dead, step, slower}, BatchView<S>(start), held, o);
    if (probability) {
        result.warnings.emplace_back(
            "a probability can also rise because other classes fall: log_probability and logit do less so");
    }
    return result;
}

/// The same from a start that is drawn: normal with the mean and deviation of the options.
template <class Net, class T, class Code, class Views, class Way, class M>
Maximised<typename Net::Scalar> maximise(const Net& net, const T& what, const Search<Code, Views, Way, M>& search,
                                         const MaximiseOptions& o = {}) {
    using S = typename Net::Scalar;
    o.check();
    const auto width_of = [](const auto& layer) {
        if constexpr (requires { layer.in_features(); }) {
            return layer.in_features();
        } else {
            return Dynamic;
        }
    };
    Index width = width_of(search.code);
    if (width == Dynamic) width = width_of(search.views);
    if (width == Dynamic) width = width_of(net);
    if (width == Dynamic) {
        detail::raise<ShapeError>("maximise", "width of the start", "unknown",
                                  "a network that knows it, or maximise_from");
    }
    Rng rng(o.seed);
    Batch<S> start(width, o.pictures);
    for (S& value : start.reshaped()) value = static_cast<S>(o.mean + o.deviation * rng.normal());
    return maximise_from(net, what, start, search, o);
}

/// The same over pixels with Adam.
///
///     auto found = maximise(net, log_probability(3) - 1e-4 * squared_norm());
template <class Net, class T>
Maximised<typename Net::Scalar> maximise(const Net& net, const T& what, const MaximiseOptions& o = {}) {
    return maximise(net, what, Search<>{}, o);
}

}  // namespace maximisation
}  // namespace renn::inline RENN_ABI
