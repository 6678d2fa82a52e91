// SPDX-License-Identifier: MIT
// renn/attribution/relevance/layer_forms.hpp - a layer's input and weights in the forms that a rule multiplies.
#pragma once

#include <any>
#include <concepts>
#include <string>
#include <vector>

#include <renn/attribution/relevance/rules.hpp>
#include <renn/attribution/relevance/shares.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// Made in the buffers of `k`, of one layer and one batch.
template <class L>
class LayerForms {
    using S = typename L::Scalar;
    using P = typename L::Parameters;
    using Rule = relevance::LinearRule;
    using Input = relevance::InputForm;
    using Weights = relevance::WeightForm;
    static constexpr bool has_weights = !std::same_as<P, NoParameters>;

public:
    LayerForms(const Rule& rule, const Step<L>& s, RelevanceScratch<S>& k) : rule_(rule), s_(s), k_(k) {
        split_input();
    }

    /// Whether a term adds nothing: of negative inputs where there are none, of negative weights where all are 1.
    bool skipped(const Rule::Term& t) const {
        return (t.input == Input::negative && not_negative_) || (!has_weights && t.weights == Weights::negative);
    }
    /// Whether the form of the input differs from sample to sample.
    static bool varies(const Rule::Term& t) {
        return t.input == Input::as_is || t.input == Input::positive || t.input == Input::negative;
    }
    /// For a form that varies.
    BatchView<S> input(Input form) const {
        if (form == Input::as_is || not_negative_) return s_.x;
        return form == Input::positive ? k_.plus : k_.minus;
    }
    /// For a form that does not: 1, low or high, one value a feature.
    const Batch<S>& constant_input(Input form) {
        reshape(k_.one_input, s_.x.rows(), 1);
        if (form == Input::one) {
            k_.one_input.setOnes();
        } else {
            fill_bounds(form == Input::low ? rule_.low : rule_.high);
        }
        return k_.one_input;
    }
    /// Stays as it is until another form is asked for: negative ones have a place of their own.
    const P& weights(Weights form) {
        if constexpr (has_weights) {
            if (form == Weights::as_is) return s_.weights;
            std::any& slot = form == Weights::negative ? k_.negative : k_.positive;
            Weights& made = form == Weights::negative ? made_negative_ : made_positive_;
            P* modified = std::any_cast<P>(&slot);
            if (modified == nullptr) modified = &slot.emplace<P>(s_.weights);
            if (made == form) return *modified;
            made = form;
            for_each_block(
                [form](auto& to, const auto& from) {
                    switch (form) {
                        case Weights::positive:
                            to = from.cwiseMax(S(0));
                            break;
                        case Weights::negative:
                            to = from.cwiseMin(S(0));
                            break;
                        case Weights::squared:
                            to = from.cwiseAbs2();
                            break;
                        default:
                            to.setOnes(from.rows(), from.cols());
                    }
                },
                *modified, s_.weights);
            return *modified;
        } else {
            return s_.weights;
        }
    }

private:
    /// x+ and x-; where nothing is negative, x itself and nothing.
    void split_input() {
        bool split = false;
        for (const auto& part : rule_.parts) {
            for (const auto& term : part.terms) split = split || term.input == Input::negative;
        }
        not_negative_ = s_.x.size() == 0 || !split || s_.x.minCoeff() >= S(0);
        if (not_negative_) return;
        k_.plus = s_.x.cwiseMax(S(0));
        k_.minus = s_.x.cwiseMin(S(0));
    }
    void fill_bounds(const std::vector<double>& bounds) {
        const auto given = static_cast<Index>(bounds.size());
        const Index features = s_.x.rows();
        Index each = 0;
        if (given == 1) each = features;
        if (given == features) each = 1;
        if constexpr (requires { s_.layer.input_shape(); }) {
            if (each == 0 && given == s_.layer.input_shape().channels) each = s_.layer.input_shape().positions();
        }
        if (each == 0) {
            raise<ShapeError>("relevance::ZBox", "bounds of " + std::string(s_.path), std::to_string(given),
                              "1, one a channel, or " + std::to_string(features) + ", one a feature");
        }
        for (Index i = 0; i < features; ++i) {
            k_.one_input(i, 0) = static_cast<S>(bounds[static_cast<std::size_t>(i / each)]);
        }
    }

    const Rule& rule_;
    const Step<L>& s_;
    RelevanceScratch<S>& k_;
    bool not_negative_ = true;
    Weights made_positive_ = Weights::as_is, made_negative_ = Weights::as_is;
};

}  // namespace renn::inline RENN_ABI::detail
