// SPDX-License-Identifier: MIT
// renn/attribution/relevance/linear_propagation.hpp - any rule through one linear layer, by its own map and transpose.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <type_traits>

#include <Eigen/Core>

#include <renn/attribution/ledger.hpp>
#include <renn/attribution/relevance/blind_places.hpp>
#include <renn/attribution/relevance/layer_forms.hpp>
#include <renn/attribution/relevance/rules.hpp>
#include <renn/attribution/relevance/shares.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// One layer, one rule, one batch.
template <class L>
class LinearPropagation {
    using S = typename L::Scalar;
    using P = typename L::Parameters;
    using Rule = relevance::LinearRule;
    using Input = relevance::InputForm;
    using Weights = relevance::WeightForm;
    static constexpr bool connects_all = requires { requires L::connects_all; };
    static constexpr bool has_weights = !std::same_as<P, NoParameters>;

public:
    LinearPropagation(const Rule& rule, const Step<L>& s, const BatchView<S>& above, Batch<S>& below,
                      RelevanceScratch<S>& k, LedgerLine<S>& line)
        : rule_(rule), s_(s), above_(above), below_(below), k_(k), line_(line), forms_(rule, s, k) {}

    void run() {
        find_bias();
        blind_ = blind_places(s_.layer);
        if (rule_.bias == relevance::Bias::distribute) k_.spread.setZero(above_.rows(), above_.cols());
        bool first = true;
        for (const Rule::Part& part : rule_.parts) {
            share_out(part, divide_by(part));
            first = send(part, first);
        }
        if (first) {
            reshape(below_, s_.x.rows(), s_.x.cols());
            below_.setZero();
        }
        if (rule_.bias == relevance::Bias::distribute) distribute();
    }

private:
    /// The layer's bias, one a unit, where it counts.
    void find_bias() {
        const Index units = above_.rows();
        has_bias_ = false;
        if (rule_.bias == relevance::Bias::zero || !has_weights) return;
        if constexpr (has_weights) {
            if (k_.bias.size() != units) k_.bias.resize(units);
            if constexpr (connects_all) {
                k_.bias = s_.weights.bias;
            } else if constexpr (requires { s_.layer.weights_shape(); }) {
                const Index channels = s_.weights.bias.size();
                if (channels == 0) return;
                const Index places = units / channels;
                for (Index c = 0; c < channels; ++c)
                    k_.bias.segment(c * places, places).setConstant(s_.weights.bias[c]);
            } else {  // what comes out for an input of zeros
                k_.one_input.setZero(s_.x.rows(), 1);
                typename L::Cache cache;
                s_.layer.forward(s_.weights, k_.one_input, k_.one_output, cache, Pass{});
                k_.bias = k_.one_output.col(0);
            }
            has_bias_ = !k_.bias.isZero(S(0));
            if (has_bias_ && k_.counts.size() != units) k_.counts.resize(units);
        }
    }
    /// What the bias adds to the denominator by one term: the term's form of the weights, of an input of 1.
    static S bias_by(const Rule::Term& t, S b) {
        if (t.input == Input::negative) return S(0);
        const S factor = static_cast<S>(t.factor);
        switch (t.weights) {
            case Weights::positive:
                return factor * std::max(b, S(0));
            case Weights::negative:
                return factor * std::min(b, S(0));
            case Weights::squared:
                return factor * b * b;
            case Weights::one:
                return S(0);
            default:
                return factor * b;
        }
    }

    /// Denominators before they are stabilised, units x n; or one column where they do not depend on the sample.
    /// Leaves the share of the bias in k_.counts.
    BatchView<S> divide_by(const Rule::Part& part) {
        const Index units = above_.rows();
        bool constant = false, own_output = false, any = false;
        if (k_.rest.size() != units) k_.rest.resize(units);
        k_.rest.setZero();
        if (has_bias_) k_.counts.setZero();
        for (const auto& t : part.terms) {
            const bool with_bias = has_bias_ && t.input == Input::as_is;  // y has it already
            if (has_bias_) {
                for (Index i = 0; i < units; ++i) {
                    const S b = bias_by(t, k_.bias[i]);
                    k_.counts[i] += b;
                    if (!with_bias) k_.rest[i] += b;
                }
                constant = constant || !with_bias;
            }
            if (forms_.varies(t) || forms_.skipped(t)) continue;
            constant = true;
            if (connects_all && t.weights == Weights::one) {
                k_.rest.array() += static_cast<S>(s_.x.rows());
            } else {
                s_.layer.map(forms_.weights(t.weights), forms_.constant_input(t.input), k_.one_output);
                k_.rest += static_cast<S>(t.factor) * k_.one_output.col(0);
            }
        }
        for (const auto& t : part.terms) {
            if (!forms_.varies(t) || forms_.skipped(t)) continue;
            own_output = t.input == Input::as_is && rule_.bias != relevance::Bias::zero;
            if (own_output && part.terms.size() == 1) return s_.y;
            Batch<S>& to = any ? k_.product : k_.denominator;
            if (own_output) {
                to = s_.y;
            } else {
                s_.layer.map(forms_.weights(t.weights), forms_.input(t.input), to);
            }
            if (any) {
                add_scaled(k_.denominator, k_.product, static_cast<S>(t.factor));
            } else if (t.factor != 1.0) {
                k_.denominator *= static_cast<S>(t.factor);
            }
            any = true;
        }
        if (!any) {
            k_.denominator = k_.rest;
        } else if (constant) {
            for (Index j = 0; j < k_.denominator.cols(); ++j) k_.denominator.col(j) += k_.rest;
        }
        return k_.denominator;
    }
    static void add_scaled(Batch<S>& to, const Batch<S>& more, S factor) {
        namespace ei = Eigen::internal;
        const auto f = [factor](const auto& p, const auto& q) {
            return ei::pmadd(q, ei::pset1<std::decay_t<decltype(q)>>(factor), p);
        };
        canonical::combine(to.data(), to.size(), f, static_cast<const S*>(to.data()), more.data());
    }

    /// shares = coefficient R / stab(denominator), with what the inputs do not get written to the ledger.
    void share_out(const Rule::Part& part, const BatchView<S>& denominator) {
        using Units = Rule::Units;
        namespace ei = Eigen::internal;
        const Index units = above_.rows();
        const S coefficient = static_cast<S>(part.coefficient);
        reshape(k_.shares, units, above_.cols());
        for (Index j = 0; j < above_.cols(); ++j) {
            const S* r = column_of(above_, j);
            const S* z = column_of(s_.y, j);
            const S* d = column_of(denominator, denominator.cols() == 1 ? 0 : j);
            S* out = k_.shares.data() + j * units;
            S epsilon = static_cast<S>(rule_.stabiliser);
            if (rule_.of_rms != 0.0 && units > 0) {
                const double squares = account(units, [z](Index i) { return z[i] * z[i]; });
                epsilon += static_cast<S>(rule_.of_rms * std::sqrt(squares / static_cast<double>(units)));
            }
            canonical::combine(
                out, units,
                [=](const auto& relevance, const auto& below) {
                    using Packet = std::decay_t<decltype(below)>;
                    return ei::pdiv(ei::pmul(relevance, ei::pset1<Packet>(coefficient)), stabilised(below, epsilon));
                },
                r, d);
            const bool up = part.units != Units::negative, down = part.units != Units::positive;
            if (!(up && down)) {
                for (Index i = 0; i < units; ++i) out[i] = (z[i] > S(0) ? up : z[i] < S(0) && down) ? out[i] : S(0);
            }
            write_losses(part, j, r, z, d, out);
        }
    }

    void write_losses(const Rule::Part& part, Index j, const S* r, const S* z, const S* d, const S* out) {
        using Units = Rule::Units;
        const Index units = above_.rows();
        const S coefficient = static_cast<S>(part.coefficient);
        const auto lost = [=](Index i) { return coefficient * r[i] - out[i] * d[i]; };
        if (part.units == Units::all) {
            line_.stabiliser[j] += account(units, lost);
        } else {  // z of exactly 0 is in no part, and written once
            const bool up = part.units == Units::positive;
            line_.stabiliser[j] +=
                account(units, [=](Index i) { return (up ? z[i] > S(0) : z[i] < S(0)) ? lost(i) : S(0); });
            if (up) line_.dropped[j] += account(units, [=](Index i) { return z[i] == S(0) ? r[i] : S(0); });
        }
        if (part.units == Units::all && rule_.parts.size() > 1) {
            const double all = account(units, [=](Index i) { return d[i] == S(0) ? coefficient * r[i] : S(0); });
            line_.dropped[j] += all;
            line_.stabiliser[j] -= all;
        }
        for (const Index place : blind_.places) {
            for (Index i = place; i < units; i += blind_.out_of) {
                line_.padding[j] += static_cast<double>(lost(i));
                line_.stabiliser[j] -= static_cast<double>(lost(i));
            }
        }
        if (!has_bias_) return;
        const S* b = k_.counts.data();
        if (rule_.bias == relevance::Bias::distribute) {
            for (Index i = 0; i < units; ++i) k_.spread(i, j) += b[i] * out[i];
        } else {
            line_.bias[j] += account(units, [=](Index i) { return b[i] * out[i]; });
        }
    }

    /// Adds the part's relevance to what is below. Returns whether there is nothing yet.
    bool send(const Rule::Part& part, bool first) {
        for (const auto& t : part.terms) {
            if (forms_.skipped(t)) continue;
            const S factor = static_cast<S>(t.factor);
            Batch<S>& to = first ? below_ : k_.sent;
            if (t.input == Input::one) {
                send_flat(t.weights, k_.shares, to);
                if (!first) add_scaled(below_, to, factor);
            } else {
                s_.layer.map_transposed(forms_.weights(t.weights), k_.shares, to);
                if (forms_.varies(t)) {
                    multiply(below_, to, forms_.input(t.input), factor, !first);
                } else {
                    multiply(below_, to, forms_.constant_input(t.input), factor, !first);
                }
            }
            first = false;
        }
        return first;
    }

    /// The transposed map of weights alone.
    void send_flat(Weights form, const Batch<S>& shares, Batch<S>& to) {
        if (connects_all && form == Weights::one) {
            reshape(to, s_.x.rows(), shares.cols());
            for (Index j = 0; j < shares.cols(); ++j) {
                const S* from = column_of(shares, j);
                to.col(j).setConstant(static_cast<S>(account(shares.rows(), [from](Index i) { return from[i]; })));
            }
        } else {
            s_.layer.map_transposed(forms_.weights(form), shares, to);
        }
    }

    /// What the biases took, in equal parts to the inputs of each unit.
    void distribute() {
        if (!has_bias_) return;
        if constexpr (connects_all) {
            k_.rest.setConstant(above_.rows(), static_cast<S>(s_.x.rows()));
        } else {
            s_.layer.map(forms_.weights(Weights::one), forms_.constant_input(Input::one), k_.one_output);
            k_.rest = k_.one_output.col(0);
        }
        for (Index j = 0; j < k_.spread.cols(); ++j) {
            for (Index i = 0; i < k_.spread.rows(); ++i) {
                const S amount = k_.spread(i, j);
                if (k_.rest[i] == S(0)) line_.padding[j] += static_cast<double>(amount);
                k_.spread(i, j) = k_.rest[i] == S(0) ? S(0) : amount / k_.rest[i];
            }
        }
        send_flat(Weights::one, k_.spread, k_.sent);
        add_scaled(below_, k_.sent, S(1));
    }

    const Rule& rule_;
    const Step<L>& s_;
    const BatchView<S>& above_;
    Batch<S>& below_;
    RelevanceScratch<S>& k_;
    LedgerLine<S>& line_;
    bool has_bias_ = false;
    LayerForms<L> forms_;
    BlindPlaces blind_;
};

}  // namespace renn::inline RENN_ABI::detail
