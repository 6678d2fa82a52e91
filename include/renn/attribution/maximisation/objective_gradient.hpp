// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/objective_gradient.hpp - an objective's value and its derivative by what a picture is
// made from: forward through code, views and network, and back.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/attribution/maximisation/objective.hpp>
#include <renn/attribution/maximisation/redirected_relu.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/function_ref.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/arriving.hpp>
#include <renn/network/gradient.hpp>
#include <renn/network/layer_paths.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn::inline RENN_ABI {
namespace maximisation {

/// Stands for no code, where the picture itself is searched, and for no views, where the network sees it as it is.
struct AsItIs {};

}  // namespace maximisation

namespace detail {

/// A term of an objective while it is searched for, and what it said last. Seen by its call, so that a search is
/// compiled once and not once an objective.
template <class S>
struct AskedTerm {
    FunctionRef<void(const BatchView<S>&, Column<S>&, Batch<S>&)> target;
    maximisation::Look look;
    std::string_view layer;
    double first, last;
    Column<S> value = {};
    Batch<S> slope = {};

    void ask(const BatchView<S>& y, Index pictures) {
        target(y, value, slope);
        for (Index j = 0; j < pictures; ++j) {
            const double along = pictures < 2 ? 0.0 : static_cast<double>(j) / static_cast<double>(pictures - 1);
            const auto weight = static_cast<S>(first + (last - first) * along);
            value[j] *= weight;
            slope.col(j) *= weight;
        }
    }
};

/// Refers to the objective.
template <class S, class... Ts>
std::vector<AskedTerm<S>> asked(const maximisation::Objective<Ts...>& objective) {
    std::vector<AskedTerm<S>> terms;
    const auto add = [&terms](const auto& term) {
        const bool at_layer = term.look == maximisation::Look::layer;
        terms.push_back({term.target, term.look, at_layer ? std::string_view(term.layer) : "", term.first, term.last});
    };
    std::apply([&](const auto&... each) { (add(each), ...); }, objective.terms);
    return terms;
}

/// Asks the terms that look at a layer, when the forward walk is there.
template <class S>
struct AskTerms {
    std::span<AskedTerm<S>> terms;

    void visit(const auto& step) { ask(step.path, step.y); }
    void ask(std::string_view path, const BatchView<S>& y) {
        for (AskedTerm<S>& term : terms) {
            if (term.look == maximisation::Look::layer && term.layer == path) term.ask(y, y.cols());
        }
    }
};

/// Adds what the terms said when the reverse walk is there. Above the first of them nothing is computed, as it is 0.
template <class Rule, class S>
struct FromTerms {
    Rule rule;
    std::span<AskedTerm<S>> terms;
    bool reached = false;

    BatchView<S> arrive(std::string_view path, const BatchView<S>&, const BatchView<S>& above) {
        const Batch<S>* sum = nullptr;
        for (AskedTerm<S>& term : terms) {
            if (term.look != maximisation::Look::layer || term.layer != path) continue;
            if (sum != nullptr) {
                term.slope += *sum;
            } else if (reached) {
                term.slope += above;
            }
            sum = &term.slope;
        }
        reached = reached || sum != nullptr;
        return sum == nullptr ? above : BatchView<S>(*sum);
    }
};

/// A layer, or a network, that stands before the one that is looked into.
template <class S, class L>
class LayerBefore {
    static_assert(DifferentiableLayer<L>,
                  "renn::maximise: a code or a view must be a layer or a network with a backward: see "
                  "DifferentiableLayer in core/layer.hpp");
    static_assert(std::same_as<S, typename L::Scalar>,
                  "renn::maximise: a code or a view must have the Scalar of the network");

public:
    explicit LayerBefore(const L& layer) : layer_(layer) {}

    const Batch<S>& forward(const Batch<S>& x, const Pass& pass) {
        layer_.forward(layer_.parameters(), x, out_, cache_, pass);
        return out_;
    }
    const Batch<S>& backward(const Batch<S>& x, const Batch<S>& above) {
        const BatchView<S> in(x), out(out_);
        NotWanted none;
        detail::backward(Step<L>{L::name, 0, layer_, layer_.parameters(), in, out, cache_}, BatchView<S>(above), below_,
                         none);
        return below_;
    }

private:
    const L& layer_;
    typename L::Cache cache_;
    Batch<S> out_, below_;
};

/// Hands on what it gets.
template <class S>
struct NothingBefore {
    explicit NothingBefore(const maximisation::AsItIs&) {}
    static const Batch<S>& forward(const Batch<S>& x, const Pass&) { return x; }
    static const Batch<S>& backward(const Batch<S>&, const Batch<S>& above) { return above; }
};

template <class S, class L>
using Before = std::conditional_t<std::is_same_v<L, maximisation::AsItIs>, NothingBefore<S>, LayerBefore<S, L>>;

/// Holds the network and the layers by reference. Used again, it allocates nothing but what targets do.
template <class Net, class Code, class Views>
class ObjectiveGradient {
    using S = typename Net::Scalar;
    using Look = maximisation::Look;

public:
    /// Throws DataError for a layer that the network does not have.
    ObjectiveGradient(const Net& net, std::vector<AskedTerm<S>> terms, const Code& code, const Views& views)
        : net_(net), terms_(std::move(terms)), code_(code), views_(views) {
        const auto paths = layer_paths(net);
        for (const AskedTerm<S>& term : terms_) {
            if (term.look == Look::layer && std::find(paths.begin(), paths.end(), term.layer) == paths.end()) {
                raise_no_place("maximise", term.layer, paths);
            }
        }
    }

    /// Of each picture. Without `changed`, views are left out where the network takes the picture as it is.
    const Column<S>& value(const Batch<S>& code, const Pass& pass, bool changed = true) {
        picture_ = &code_.forward(code, pass);
        seen_ = &views_.forward(*picture_, pass);
        if (!changed && seen_->rows() == picture_->rows()) seen_ = picture_;
        AskTerms<S> ask{terms_};
        const Batch<S>& y = net_.forward(*seen_, workspace_, {}, ask);
        values_.setZero(code.cols());
        for (AskedTerm<S>& term : terms_) {
            if (term.look == Look::outputs) term.ask(y, code.cols());
            if (term.look == Look::picture) term.ask(*picture_, code.cols());
            if (term.look == Look::code) term.ask(code, code.cols());
            values_ += term.value;
        }
        return values_;
    }

    /// Of the sum of the values by the code; after value() with the same code.
    const Batch<S>& gradient(const Batch<S>& code, bool redirect = false) {
        start_.setZero(workspace_.output.rows(), workspace_.output.cols());
        FromTerms<maximisation::RedirectedGradient, S> rule{{redirect}, terms_};
        rule.reached = add(Look::outputs, start_);
        net_.reverse_walk(rule, *seen_, workspace_, start_, through_);
        by_picture_ = seen_ == picture_ ? through_ : views_.backward(*picture_, through_);
        add(Look::picture, by_picture_);
        gradient_ = code_.backward(code, by_picture_);
        add(Look::code, gradient_);
        return gradient_;
    }

    /// After value().
    const Batch<S>& picture() const { return *picture_; }
    /// After gradient(): whether the network let nothing of a picture's gradient through.
    bool is_dead(Index picture) const {
        const auto asks_network = [](const AskedTerm<S>& t) {
            return t.look == Look::outputs || t.look == Look::layer;
        };
        return std::any_of(terms_.begin(), terms_.end(), asks_network) && through_.col(picture).isZero(S(0));
    }

private:
    bool add(Look look, Batch<S>& to) const {
        bool any = false;
        for (const AskedTerm<S>& term : terms_) {
            if (term.look != look) continue;
            to += term.slope;
            any = true;
        }
        return any;
    }

    const Net& net_;
    std::vector<AskedTerm<S>> terms_;
    Before<S, Code> code_;
    Before<S, Views> views_;
    Workspace<Net> workspace_;
    Column<S> values_;
    Batch<S> start_, through_, by_picture_, gradient_;
    const Batch<S>* picture_ = nullptr;
    const Batch<S>* seen_ = nullptr;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
