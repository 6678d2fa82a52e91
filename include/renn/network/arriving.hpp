// SPDX-License-Identifier: MIT
// renn/network/arriving.hpp - looks at what a reverse walk brings to each layer, or puts something else in its place.
#pragma once

#include <concepts>
#include <string_view>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

/// A rule, with a function that is called as f(path, y, above) wherever the walk arrives at a layer, before the rule
/// sees it; it returns the view that the rule gets in place of `above`: see ReverseEditor.
template <class Rule, class F>
class Arriving {
public:
    Arriving(Rule& rule, F f) : rule_(rule), f_(std::move(f)) {}

    template <class S>
    BatchView<S> arrive(std::string_view path, const BatchView<S>& y, const BatchView<S>& above) {
        const BatchView<S> given = f_(path, y, above);
        if constexpr (ReverseEditor<Rule, S>) {
            return rule_.arrive(path, y, given);
        } else {
            return given;
        }
    }
    Rule& rule() noexcept { return rule_; }

private:
    Rule& rule_;
    F f_;
};

/// The same with a function that only looks: f(path, y, above) returns nothing.
template <class Rule, class F>
auto watching(Rule& rule, F f) {
    auto pass_on = [f = std::move(f)](std::string_view path, const auto& y, const auto& above) mutable {
        f(path, y, above);
        return above;
    };
    return Arriving<Rule, decltype(pass_on)>(rule, std::move(pass_on));
}

/// The rule itself.
template <class Rule, class F, class L, class Below>
void reverse(Arriving<Rule, F>& arriving, const Step<L>& s, X<L> above, Below& below) {
    reverse(arriving.rule(), s, above, below);
}
/// The rule itself.
template <class Rule, class F, class S>
BatchView<S> share(Arriving<Rule, F>& arriving, std::string_view path, const BatchView<S>& branch,
                   const BatchView<S>& sum, const BatchView<S>& above, Batch<S>& scratch) {
    return share(arriving.rule(), path, branch, sum, above, scratch);
}

namespace detail {

/// A rule around another one that begins inside the network: above where it is reached, everything is 0.
template <class R>
concept BeginsInside = requires(R& r) {
    r.rule;
    { r.reached } -> std::convertible_to<bool>;
};

template <BeginsInside R, class L, class Below>
void reverse(R& from, const Step<L>& s, X<L> above, Below& below) {
    if (from.reached) {
        reverse(from.rule, s, above, below);
    } else if constexpr (is_wanted<Below>) {
        reshape(below, s.x.rows(), above.cols());
        below.setZero();
    }
}
template <BeginsInside R, class S>
BatchView<S> share(R& from, std::string_view path, const BatchView<S>& branch, const BatchView<S>& sum,
                   const BatchView<S>& above, Batch<S>& scratch) {
    return from.reached ? share(from.rule, path, branch, sum, above, scratch) : above;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
