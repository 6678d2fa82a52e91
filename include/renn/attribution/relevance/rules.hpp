// SPDX-License-Identifier: MIT
// renn/attribution/relevance/rules.hpp - how a layer hands relevance to its inputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

/// Rules, composites and what else belongs to relevance propagation.
///
/// Notation: a unit z_k = sum_j x_j w_jk + b_k has relevance R_k; input j gets n_jk / stab(sum_j' n_j'k + nb_k) R_k
/// from it, with the rule's own n and nb. u+ = max(u, 0), u- = min(u, 0); stab(d) = d + e for d >= 0, else d - e.
namespace renn::inline RENN_ABI::relevance {

/// What a rule does with the share of the bias: the bias keeps it, and the ledger says how much; the bias does not
/// count (the activations stay those of the network); it goes in equal parts to all inputs of the unit.
enum class Bias : std::uint8_t { absorb, zero, distribute };

/// n = x w: LRP-0. A unit whose z is exactly 0 sends nothing.
struct Zero {
    Bias bias = Bias::absorb;
};

/// n = x w, with stab(z) of `epsilon` plus `of_rms` times the root of the mean square of the layer's z.
/// Source   Bach et al. (2015).
struct Epsilon {
    double epsilon = 1e-6;
    double of_rms = 0.0;
    Bias bias = Bias::absorb;
};

/// As Epsilon, for a layer taken as it is: average pooling, sums.
struct Norm {
    double stabiliser = 1e-6;
};

/// alpha times the positive, less beta times the negative products, each by its own sum. alpha - beta must be 1,
/// neither negative.
///
/// Source   Bach et al. (2015).
struct AlphaBeta {
    double alpha = 2.0;
    double beta = 1.0;
    double stabiliser = 1e-6;
    Bias bias = Bias::absorb;
};

/// n = x+ w+ + x- w-, the positive products: AlphaBeta of 1 and 0.
/// Source   Montavon et al. (2017).
struct ZPlus {
    double stabiliser = 1e-6;
    Bias bias = Bias::absorb;
};

/// n = x w + gamma times the products that have the sign of z; a unit whose z is exactly 0 sends nothing.
/// Source   Andeol et al. (2021), for inputs of either sign; Montavon et al. (2019) for those that are not negative.
struct Gamma {
    double gamma = 0.25;
    double stabiliser = 1e-6;
    Bias bias = Bias::absorb;
};

/// n = w^2, nb = b^2: for a first layer whose inputs have no bounds.
/// Source   Montavon et al. (2017).
struct WSquare {
    double stabiliser = 1e-6;
    Bias bias = Bias::absorb;
};

/// n = 1 for every input that there is: where a unit looks, not what it sees.
/// Source   Lapuschkin et al. (2019).
struct FlatRule {
    double stabiliser = 1e-6;
};

/// n = x w - low w+ - high w-: for a first layer whose inputs lie between two bounds, each one number, one a channel or
/// one a feature (after the normalisation of the input, if there is one).
/// Source   Montavon et al. (2017).
struct ZBox {
    std::vector<double> low = {};   ///< left out: 0
    std::vector<double> high = {};  ///< left out: 1
    double stabiliser = 1e-6;
};

/// Relevance goes on as it is: activations, and layers that do the same with every unit.
struct PassOn {};

/// Max pooling: all to the greatest value of the window, the first one on ties.
struct Winner {};

/// Max pooling: in equal parts to all that are the greatest value of the window.
struct SplitTies {};

/// Max pooling: to x+ in proportion, as ZPlus does on equal weights.
struct Proportional {
    double stabiliser = 1e-6;
};

/// Which form of the input a linear rule multiplies.
enum class InputForm : std::uint8_t { as_is, positive, negative, one, low, high };
/// Which form of the weights it multiplies that with.
enum class WeightForm : std::uint8_t { as_is, positive, negative, squared, one };

/// n as sums of products: what makes every rule one forward map and one transposed map with modified weights.
struct LinearRule {
    /// factor times a form of the input times a form of the weights.
    struct Term {
        InputForm input = InputForm::as_is;
        WeightForm weights = WeightForm::as_is;
        double factor = 1.0;
    };
    /// Which units a part is for, by the sign of z.
    enum class Units : std::uint8_t { all, positive, negative };
    /// Terms that are divided by their common sum; its share of the relevance is `coefficient`.
    struct Part {
        double coefficient = 1.0;
        std::vector<Term> terms;
        Units units = Units::all;
    };
    std::vector<Part> parts;
    double stabiliser = 1e-6;
    double of_rms = 0.0;
    Bias bias = Bias::absorb;
    std::vector<double> low = {}, high = {};

    /// Whether weights are taken as they are.
    bool plain() const noexcept {
        return parts.size() == 1 && parts[0].terms.size() == 1 && parts[0].terms[0].input == InputForm::as_is;
    }
};

/// Any rule. Made from each of the above; the same for every layer, so it holds nothing of one.
class Rule {
public:
    enum class Form : std::uint8_t { linear, root, pass, winner, split_ties, proportional };
    /// v(x, w, feature): the direction of a root search, see RootRule.
    using Direction = std::function<double(double, double, Index)>;

    Rule(const Zero& r) : Rule("Zero", "", plain(0.0, 0.0, r.bias)) {}
    Rule(const Epsilon& r) : Rule("Epsilon", number(r.epsilon), plain(r.epsilon, r.of_rms, r.bias)) {
        if (r.of_rms != 0.0) text_ += " + " + number(r.of_rms) + " rms";
    }
    Rule(const Norm& r) : Rule("Norm", "", plain(r.stabiliser, 0.0, Bias::absorb)) {}
    Rule(const AlphaBeta& r) : Rule("AlphaBeta", number(r.alpha) + ", " + number(r.beta), {}) {
        if (!(r.alpha >= 0.0 && r.beta >= 0.0 && std::abs(r.alpha - r.beta - 1.0) < 1e-12)) {
            detail::raise<DataError>("relevance::AlphaBeta", "alpha and beta",
                                     std::to_string(r.alpha) + " and " + std::to_string(r.beta),
                                     "alpha - beta = 1, neither negative");
        }
        linear_ = {.parts = {{r.alpha, positive(1.0)}}, .stabiliser = r.stabiliser, .bias = r.bias};
        if (r.beta != 0.0) linear_.parts.push_back({-r.beta, negative(1.0)});
        check();
    }
    Rule(const ZPlus& r)
        : Rule("ZPlus", "", {.parts = {{1.0, positive(1.0)}}, .stabiliser = r.stabiliser, .bias = r.bias}) {}
    Rule(const Gamma& r) : Rule("Gamma", number(r.gamma), {}) {
        if (!(std::isfinite(r.gamma) && r.gamma >= 0.0)) {
            detail::raise<DataError>("relevance::Gamma", "gamma", std::to_string(r.gamma), "a finite value, 0 or more");
        }
        LinearRule::Part up{1.0, {{}}, LinearRule::Units::positive}, down{1.0, {{}}, LinearRule::Units::negative};
        if (r.gamma != 0.0) {
            for (const auto& term : positive(r.gamma)) up.terms.push_back(term);
            for (const auto& term : negative(r.gamma)) down.terms.push_back(term);
        }
        linear_ = {.parts = {up, down}, .stabiliser = r.stabiliser, .bias = r.bias};
        check();
    }
    Rule(const WSquare& r)
        : Rule(
              "WSquare", "",
              {.parts = {{1.0, {{InputForm::one, WeightForm::squared}}}}, .stabiliser = r.stabiliser, .bias = r.bias}) {
    }
    Rule(const FlatRule& r)
        : Rule(
              "FlatRule", "",
              {.parts = {{1.0, {{InputForm::one, WeightForm::one}}}}, .stabiliser = r.stabiliser, .bias = Bias::zero}) {
    }
    Rule(const ZBox& r)
        : Rule("ZBox", "",
               {.parts = {{1.0,
                           {{},
                            {InputForm::low, WeightForm::positive, -1.0},
                            {InputForm::high, WeightForm::negative, -1.0}}}},
                .stabiliser = r.stabiliser,
                .bias = Bias::zero,
                .low = r.low.empty() ? std::vector{0.0} : r.low,
                .high = r.high.empty() ? std::vector{1.0} : r.high}) {
        text_ += " " + bounds(linear_.low, linear_.high);
    }
    Rule(const PassOn&) : Rule("PassOn", Form::pass) {}
    Rule(const Winner&) : Rule("Winner", Form::winner) {}
    Rule(const SplitTies&) : Rule("SplitTies", Form::split_ties) {}
    Rule(const Proportional& r) : Rule("Proportional", Form::proportional) {
        linear_.stabiliser = r.stabiliser;
        check();
    }
    /// Of a RootRule.
    Rule(Direction direction, double stabiliser) : Rule("RootRule", Form::root) {
        direction_ = std::move(direction);
        linear_.stabiliser = stabiliser;
        check();
    }

    std::string_view name() const noexcept { return name_; }
    /// "Epsilon 1e-06"
    const std::string& text() const noexcept { return text_; }
    Form form() const noexcept { return form_; }
    const LinearRule& linear() const noexcept { return linear_; }
    const Direction& direction() const noexcept { return direction_; }

private:
    using Terms = std::vector<LinearRule::Term>;

    Rule(std::string_view name, Form form) : name_(name), text_(name), form_(form) {}
    Rule(std::string_view name, const std::string& options, LinearRule linear)
        : name_(name), text_(name), form_(Form::linear), linear_(std::move(linear)) {
        if (!options.empty()) text_ += " " + options;
        check();
    }

    static LinearRule plain(double stabiliser, double of_rms, Bias bias) {
        return {.parts = {{1.0, {{}}}}, .stabiliser = stabiliser, .of_rms = of_rms, .bias = bias};
    }
    static Terms positive(double factor) {
        return {{InputForm::positive, WeightForm::positive, factor},
                {InputForm::negative, WeightForm::negative, factor}};
    }
    static Terms negative(double factor) {
        return {{InputForm::positive, WeightForm::negative, factor},
                {InputForm::negative, WeightForm::positive, factor}};
    }
    static std::string number(double value) {
        char digits[32];
        std::snprintf(digits, sizeof digits, "%g", value);
        return digits;
    }
    static std::string bounds(const std::vector<double>& low, const std::vector<double>& high) {
        bool fit = low.size() == 1 || high.size() == 1 || low.size() == high.size();
        for (std::size_t i = 0; fit && i < std::max(low.size(), high.size()); ++i) {
            fit = low[low.size() == 1 ? 0 : i] <= high[high.size() == 1 ? 0 : i];
        }
        if (!fit) {
            detail::raise<DataError>(
                "relevance::ZBox", "bounds",
                std::to_string(low.size()) + " low and " + std::to_string(high.size()) + " high values",
                "one each or as many of both, none of low above its high");
        }
        return low.size() == 1 && high.size() == 1 ? number(low[0]) + ".." + number(high[0]) : "bounds by input";
    }
    void check() const {
        const auto fits = [](double value) { return std::isfinite(value) && value >= 0.0; };
        if (!fits(linear_.stabiliser) || !fits(linear_.of_rms)) {
            detail::raise<DataError>("relevance::" + std::string(name_), "stabiliser",
                                     number(fits(linear_.of_rms) ? linear_.stabiliser : linear_.of_rms),
                                     "a finite value, 0 or more");
        }
    }

    std::string_view name_;
    std::string text_;
    Form form_;
    LinearRule linear_;
    Direction direction_;
};

}  // namespace renn::inline RENN_ABI::relevance
