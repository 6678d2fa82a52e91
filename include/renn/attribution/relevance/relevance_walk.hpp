// SPDX-License-Identifier: MIT
// renn/attribution/relevance/relevance_walk.hpp - relevance as a rule of the reverse walk.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/ledger.hpp>
#include <renn/attribution/logits.hpp>
#include <renn/attribution/relevance/composite.hpp>
#include <renn/attribution/relevance/layer_kind.hpp>
#include <renn/attribution/relevance/linear_propagation.hpp>
#include <renn/attribution/relevance/other_propagation.hpp>
#include <renn/attribution/relevance/rules.hpp>
#include <renn/attribution/relevance/shares.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// A layer in a walk. Its line of the ledger stands at the same place.
template <class S>
struct RelevancePlace {
    const relevance::Rule* rule = nullptr;
    relevance::LayerInfo info;
    bool reached = false;
    RelevanceScratch<S> scratch;
};

template <class L>
struct RelevanceRuleOf {
    static_assert(
        relevance::layer_kind<L>() != relevance::LayerKind::none,
        "renn: relevance propagation knows no rule for this layer. Available are Zero, Epsilon, Norm, "
        "AlphaBeta, ZPlus, Gamma, WSquare, FlatRule, ZBox and RootRule for a LinearLayer, PassOn for an "
        "activation (is_activation), Winner, SplitTies and Proportional for MaxPool2d; for others, an overload of "
        "reverse(RelevanceWalk<S, false>&, const Step<ThisLayer>&, above, below)");
    static constexpr bool known = true;
};

}  // namespace detail

/// The rule of the reverse walk that RelevancePropagation walks with. A layer of another library's can have an overload
/// of `reverse` for it, which writes its line(s.path) of the ledger itself.
template <class S, bool RunTime>
class RelevanceWalk {
public:
    /// `below_softmax`: what relevance starts with belongs below the Softmax that is met first.
    RelevanceWalk(Ledger<S>& ledger, std::vector<detail::RelevancePlace<S>>& places, std::vector<std::string>& warnings,
                  bool keep_relevance, bool below_softmax)
        : ledger_(ledger), places_(places), warnings_(warnings), keep_(keep_relevance), below_softmax_(below_softmax) {}

    std::size_t place_of(std::string_view path) const {
        std::size_t i = 0;
        while (i < places_.size() && ledger_.lines[i].layer != path) ++i;
        if (i == places_.size())
            detail::raise<MismatchError>("relevance propagation", "layer", path, "one of the network");
        return i;
    }
    LedgerLine<S>& line(std::string_view path) { return ledger_.lines[place_of(path)]; }
    detail::RelevancePlace<S>& place(std::size_t i) { return places_[i]; }
    void warn(std::string text) { warnings_.push_back(std::move(text)); }
    /// Throws DataError for a Softmax in the way of relevance.
    void pass_softmax(std::string_view path) {
        if (std::exchange(below_softmax_, false)) return;
        detail::raise<DataError>("relevance propagation", "layer " + std::string(path),
                                 "Softmax, for which there is no rule", detail::instead_of_softmax());
    }

    /// Enters what arrives at a layer.
    LedgerLine<S>& open(std::size_t i, const BatchView<S>& above) {
        LedgerLine<S>& entered = ledger_.lines[i];
        places_[i].reached = true;
        entered.reset(above.cols());
        entered.rule = places_[i].rule->name();
        for (Index j = 0; j < above.cols(); ++j) entered.arrived[j] = sum(above, j);
        if (keep_) entered.relevance = above;
        return entered;
    }
    /// Enters what leaves it. Throws DataError if that is not finite.
    void close(LedgerLine<S>& entered, const BatchView<S>& below) const {
        for (Index j = 0; j < below.cols(); ++j) {
            entered.left[j] += sum(below, j);
            if (!std::isfinite(entered.left[j])) {
                detail::require_finite<S>("relevance propagation", "relevance below " + entered.layer, below);
            }
        }
    }
    static double sum(const BatchView<S>& of, Index j) {
        const S* values = detail::column_of(of, j);
        return detail::account(of.rows(), [values](Index i) { return values[i]; });
    }

private:
    Ledger<S>& ledger_;
    std::vector<detail::RelevancePlace<S>>& places_;
    std::vector<std::string>& warnings_;
    bool keep_, below_softmax_;
};

namespace detail {

/// Whether relevance that passes is not what the layer did: sigmoid(0) is 0.5, and BatchNorm has a shift.
template <class S, bool RunTime, class L>
void warn_of_passing(RelevanceWalk<S, RunTime>& walk, const Step<L>& s) {
    if constexpr (L::name == std::string_view("BatchNorm")) {
        const bool merged = s.layer.running_mean().isZero(S(0)) && s.weights.bias.isZero(S(0)) &&
                            (s.x.size() == 0 ||
                             (s.x - s.y).cwiseAbs().maxCoeff() <= S(1e-5) * std::max(S(1), s.x.cwiseAbs().maxCoeff()));
        if (!merged) {
            walk.warn("relevance passes " + std::string(s.path) +
                      ", a BatchNorm, as if it were not there: canonise() merges it into the layer beside it");
        }
    } else if constexpr (requires { s.layer.value(S(0)); }) {
        if (s.layer.value(S(0)) != S(0)) {
            walk.warn("relevance passes " + std::string(s.path) + ", a " + std::string(L::name) +
                      ", which is not 0 where its input is 0");
        }
    }
}

}  // namespace detail

/// Relevance through one layer by the rule that the composite gave it.
template <class S, bool RunTime, class L, class Below>
void reverse(RelevanceWalk<S, RunTime>& walk, const Step<L>& s, X<L> above, Below& below) {
    using Form = relevance::Rule::Form;
    using relevance::LayerKind;
    constexpr LayerKind kind = relevance::layer_kind<L>();
    if constexpr (!is_wanted<Below>) {
        Batch<S> unused;
        reverse(walk, s, above, unused);
    } else if constexpr (kind == LayerKind::none) {
        if constexpr (!RunTime) static_assert(detail::RelevanceRuleOf<L>::known);
    } else {
        const std::size_t at = walk.place_of(s.path);
        auto& place = walk.place(at);
        const relevance::Rule& rule = *place.rule;
        LedgerLine<S>& line = walk.open(at, above);
        if constexpr (kind == LayerKind::weighted || kind == LayerKind::average) {
            if (rule.form() == Form::root) {
                detail::propagate_to_root(rule, s, above, below, line);
            } else {
                detail::LinearPropagation<L>(rule.linear(), s, above, below, place.scratch, line).run();
            }
        } else if constexpr (kind == LayerKind::unit_by_unit) {
            detail::warn_of_passing(walk, s);
            below = above;
        } else if constexpr (kind == LayerKind::softmax) {
            walk.pass_softmax(s.path);
            below = above;
        } else if constexpr (kind == LayerKind::max_pool) {
            if (rule.form() == Form::winner) {
                reverse(InputGradient{}, s, above, below);
            } else {
                detail::propagate_to_window(rule, s, above, below, place.scratch, line);
            }
        } else if constexpr (kind == LayerKind::layer_norm) {
            detail::propagate_normalised(rule.linear(), s, above, below, place.scratch, line);
        }
        walk.close(line, below);
    }
}

/// Of what arrives at a residual sum, each summand gets its part.
template <class S, bool RunTime>
BatchView<S> share(RelevanceWalk<S, RunTime>& walk, std::string_view path, const BatchView<S>& branch,
                   const BatchView<S>& sum, const BatchView<S>& above, Batch<S>& scratch) {
    namespace ei = Eigen::internal;
    const std::size_t at = walk.place_of(path);
    const bool first = !walk.place(at).reached;
    LedgerLine<S>& line = first ? walk.open(at, above) : walk.line(path);
    const auto epsilon = static_cast<S>(walk.place(at).rule->linear().stabiliser);
    detail::reshape(scratch, sum.rows(), sum.cols());
    for (Index j = 0; j < sum.cols(); ++j) {
        const S* total = detail::column_of(sum, j);
        const S* arrived = detail::column_of(above, j);
        if (first) {  // what the sum as a whole leaves over
            canonical::combine(
                scratch.data() + j * sum.rows(), sum.rows(),
                [=](const auto& r, const auto& y) { return ei::pdiv(r, detail::stabilised(y, epsilon)); }, arrived,
                total);
            const S* shares = scratch.data() + j * sum.rows();
            line.stabiliser[j] +=
                detail::account(sum.rows(), [=](Index i) { return arrived[i] - shares[i] * total[i]; });
        }
        canonical::combine(
            scratch.data() + j * sum.rows(), sum.rows(),
            [=](const auto& b, const auto& r, const auto& y) {
                return ei::pmul(b, ei::pdiv(r, detail::stabilised(y, epsilon)));
            },
            detail::column_of(branch, j), arrived, total);
    }
    walk.close(line, scratch);
    return scratch;
}

}  // namespace renn::inline RENN_ABI
