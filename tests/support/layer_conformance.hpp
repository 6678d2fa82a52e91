// SPDX-License-Identifier: MIT
// support/layer_conformance.hpp - what every layer and every activation must do, written once.
//
// Include it in one source file that defines `Subjects<S> subjects<S>()`, the layers to be held to it, and names the
// module.
#pragma once

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

namespace renn::test {

using Scalars = boost::mpl::list<float, double>;

/// Features that every layer under test takes.
inline constexpr Index in = 5;

/// A layer with its kind hidden, so that the claims below are compiled once and not for every layer.
template <class S>
struct Subject {
    using Blocks = std::vector<Eigen::Map<Column<S>>>;

    virtual ~Subject() = default;
    virtual std::string describe() const = 0;
    virtual std::unique_ptr<Subject> copy() const = 0;
    virtual void forward(const BatchView<S>& x, Batch<S>& y, const Pass& pass) = 0;
    /// Null for what is not wanted; the parameters' gradient goes to gradient().
    virtual void backward(const BatchView<S>& x, const BatchView<S>& y, const BatchView<S>& dy, Batch<S>* dx,
                          bool with_gradient) = 0;
    virtual Blocks weights() = 0;
    virtual Blocks gradient() = 0;
    virtual bool linear() const = 0;
    virtual void map(const BatchView<S>&, Batch<S>&) const {}
    virtual void map_transposed(const BatchView<S>&, Batch<S>&) const {}
    Index out = in;
};

template <class L>
struct Held final : Subject<typename L::Scalar> {
    using S = typename L::Scalar;
    static_assert(renn::DifferentiableLayer<L>);

    explicit Held(L held) : layer(std::move(held)), parameters(layer.parameters()), slope(layer.parameters()) {
        if constexpr (requires { layer.out_features(); }) {
            this->out = layer.out_features();
            if (layer.in_features() != in) throw std::logic_error("a layer for another number of features");
        }
    }
    std::string describe() const override { return layer.describe(); }
    std::unique_ptr<Subject<S>> copy() const override {
        auto second = std::make_unique<Held>(layer);
        second->parameters = parameters;
        return second;
    }
    void forward(const BatchView<S>& x, Batch<S>& y, const Pass& pass) override {
        layer.forward(parameters, x, y, cache, pass);
    }
    void backward(const BatchView<S>& x, const BatchView<S>& y, const BatchView<S>& dy, Batch<S>* dx,
                  bool with_gradient) override {
        NotWanted none;
        if (dx != nullptr && with_gradient) layer.backward(parameters, x, y, cache, dy, *dx, slope);
        if (dx != nullptr && !with_gradient) layer.backward(parameters, x, y, cache, dy, *dx, none);
        if (dx == nullptr && with_gradient) layer.backward(parameters, x, y, cache, dy, none, slope);
        if (dx == nullptr && !with_gradient) layer.backward(parameters, x, y, cache, dy, none, none);
    }
    typename Subject<S>::Blocks weights() override { return blocks(parameters); }
    typename Subject<S>::Blocks gradient() override { return blocks(slope); }
    bool linear() const override { return renn::LinearLayer<L>; }
    void map([[maybe_unused]] const BatchView<S>& x, [[maybe_unused]] Batch<S>& y) const override {
        if constexpr (renn::LinearLayer<L>) layer.map(parameters, x, y);
    }
    void map_transposed([[maybe_unused]] const BatchView<S>& x, [[maybe_unused]] Batch<S>& y) const override {
        if constexpr (renn::LinearLayer<L>) layer.map_transposed(parameters, x, y);
    }

    L layer;
    typename L::Parameters parameters, slope;
    typename L::Cache cache;

private:
    static typename Subject<S>::Blocks blocks(typename L::Parameters& of) {
        typename Subject<S>::Blocks all;
        renn::for_each_block([&all](auto& block) { all.emplace_back(block.data(), block.size()); }, of);
        return all;
    }
};

template <class S>
using Subjects = std::vector<std::unique_ptr<Subject<S>>>;

template <class S>
Subjects<S> subjects();

template <class S, class... Layers>
Subjects<S> hold(Layers... layers) {
    Subjects<S> all;
    (all.push_back(std::make_unique<Held<Layers>>(std::move(layers))), ...);
    return all;
}

/// Runs a claim for every layer.
template <class S>
void for_each_subject(const std::function<void(Subject<S>&)>& claim) {
    for (const auto& subject : subjects<S>()) {
        BOOST_TEST_CONTEXT(subject->describe()) {
            claim(*subject);
        }
    }
}

/// Samples, their ids and a pass over them.
template <class S>
struct Bench {
    Subject<S>& layer;
    Batch<S> x, y;
    std::vector<std::uint64_t> ids;
    Pass pass{.seed = 9, .step = 3, .path = 17};

    Bench(Subject<S>& subject, Index samples, bool training = false)
        : layer(subject), x(random_batch<S>(in, samples, 5)) {
        x = (x.array() < S(0)).select(x.array() - S(0.05), x.array() + S(0.05));  // away from the kinks at 0
        for (Index j = 0; j < samples; ++j) ids.push_back(static_cast<std::uint64_t>(100 + 7 * j));
        pass.training = training;
        forward();
    }
    void forward() {
        pass.ids = ids;
        layer.forward(x, y, pass);
    }
    void backward(const BatchView<S>& dy, Batch<S>* dx, bool with_gradient) {
        layer.backward(x, y, dy, dx, with_gradient);
    }
};

template <class S>
double inner_product(const Batch<S>& a, const Batch<S>& b) {
    double sum = 0.0;
    for (Index i = 0; i < a.size(); ++i) sum += static_cast<double>(a.data()[i]) * static_cast<double>(b.data()[i]);
    return sum;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_match_central_differences_in_both_modes, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            for (const Index samples : {1, 6}) {
                Bench<S> b(layer, samples, training);
                const Batch<S> dy = random_batch<S>(layer.out, samples, 6);
                const auto loss = [&] {
                    b.forward();
                    return inner_product(b.y, dy);
                };
                Batch<S> dx(in, samples);
                fill_with_nan(dx);
                for (auto& block : layer.gradient()) fill_with_nan(block);
                b.backward(dy, &dx, true);
                BOOST_TEST(gradient_error(loss, b.x, dx) < gradient_tolerance<S>);
                auto weights = layer.weights();
                const auto gradient = layer.gradient();
                for (std::size_t i = 0; i < weights.size(); ++i) {
                    BOOST_TEST(gradient_error(loss, weights[i], gradient[i]) < gradient_tolerance<S>);
                }
            }
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_wanted_does_not_change_the_rest, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            Bench<S> b(layer, 4, training);
            const Batch<S> dy = random_batch<S>(layer.out, 4, 6);
            Batch<S> dx, dx_alone;
            b.backward(dy, &dx, true);
            std::vector<Column<S>> kept;
            for (auto& block : layer.gradient()) {
                kept.push_back(block);
                fill_with_nan(block);
            }
            b.backward(dy, &dx_alone, false);
            BOOST_TEST(same_bits(dx, dx_alone));
            b.backward(dy, nullptr, true);
            b.backward(dy, nullptr, false);
            const auto again = layer.gradient();
            for (std::size_t i = 0; i < kept.size(); ++i) BOOST_TEST(same_bits(again[i], kept[i]));
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sample_has_the_same_bits_in_any_company, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            if (training && !layer.weights().empty()) continue;  // training may use Eigen's product
            const auto wide = layer.copy();
            Bench<S> all(*wide, 67, training);
            const Batch<S> dy = random_batch<S>(layer.out, 67, 6);
            Batch<S> dx, some_dx;
            all.backward(dy, &dx, false);
            for (const Index width : {1, 3, 5, 32}) {
                Bench<S> some(layer, width, training);
                for (Index first = 0; first + width <= 67; ++first) {
                    some.x = all.x.middleCols(first, width);
                    some.ids.assign(all.ids.begin() + first, all.ids.begin() + first + width);
                    some.forward();
                    BOOST_REQUIRE(same_bits(some.y, all.y.middleCols(first, width)));
                    some.backward(dy.middleCols(first, width), &some_dx, false);
                    BOOST_REQUIRE(same_bits(some_dx, dx.middleCols(first, width)));
                }
            }
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_view_with_an_outer_stride_gives_the_bits_of_a_copy, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        Bench<S> b(layer, 6);
        Batch<S> big = random_batch<S>(in + 8, 6, 1);
        big.middleRows(3, in) = b.x;
        const BatchView<S> view(big.middleRows(3, in));
        Batch<S> y;
        layer.forward(view, y, b.pass);
        BOOST_TEST(same_bits(y, b.y));
        const Batch<S> above = random_batch<S>(layer.out + 3, 6, 2);
        const Batch<S> dy = above.bottomRows(layer.out);
        Batch<S> dx, dx_copy;
        layer.backward(view, y, above.bottomRows(layer.out), &dx, false);
        layer.backward(b.x, y, dy, &dx_copy, false);
        BOOST_TEST(same_bits(dx, dx_copy));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_batch_gives_an_empty_output_and_no_gradient, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            Bench<S> b(layer, 0, training);
            b.y = Batch<S>::Ones(3, 3);
            b.forward();
            BOOST_TEST(b.y.rows() == layer.out);
            BOOST_TEST(b.y.cols() == 0);
            Batch<S> dx = Batch<S>::Ones(3, 3);
            for (auto& block : layer.gradient()) fill_with_nan(block);
            b.backward(Batch<S>(layer.out, 0), &dx, true);
            BOOST_TEST(dx.rows() == in);
            BOOST_TEST(dx.cols() == 0);
            for (const auto& block : layer.gradient()) BOOST_TEST(block.isZero(S(0)));
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(outputs_of_another_shape_are_reused, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        const Bench<S> fresh(layer, 3);
        Bench<S> used(layer, 9);
        for (const Index samples : {2, 3}) {
            used.x = random_batch<S>(in, samples, 6);
            if (samples == 3) used.x = fresh.x;
            used.ids.resize(static_cast<std::size_t>(samples));
            fill_with_nan(used.y);
            used.forward();
        }
        BOOST_TEST(same_bits(used.y, fresh.y));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(copies_share_nothing, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        const Bench<S> original(layer, 3);
        auto first = layer.copy();
        const auto second = first->copy();
        for (auto& block : first->weights()) block.setZero();
        first.reset();  // the copy must not look into what it was copied from
        const Bench<S> copied(*second, 3);
        BOOST_TEST(same_bits(copied.y, original.y));
        BOOST_TEST(second->describe() == layer.describe());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_linear_layer_and_its_transpose_are_adjoint, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        if (!layer.linear()) return;
        constexpr S small = 100 * std::numeric_limits<S>::epsilon();
        Bench<S> b(layer, 7);
        const Batch<S> g = random_batch<S>(layer.out, 7, 8);
        Batch<S> up, down, shift, twice;
        layer.map(b.x, up);
        layer.map_transposed(g, down);
        BOOST_TEST(std::abs(inner_product(up, g) - inner_product(b.x, down)) < static_cast<double>(small));

        // The map is the layer without its shift, and takes any parameters.
        layer.forward(Batch<S>::Zero(in, 7), shift, b.pass);
        BOOST_TEST((b.y - shift - up).cwiseAbs().maxCoeff() < small);
        for (auto& block : layer.weights()) block *= S(2);
        layer.map(b.x, twice);
        BOOST_TEST(same_bits(twice, Batch<S>(up * (layer.weights().empty() ? S(1) : S(2)))));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_gradient_of_another_shape_is_refused, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        if (layer.describe() == "Flatten" || layer.describe() == "Standardize 1") return;  // any shape is theirs
        Bench<S> b(layer, 3, true);
        Batch<S> dx;
        const std::string text =
            message_of<ShapeError>([&] { b.backward(Batch<S>::Zero(layer.out + 1, 3), &dx, true); });
        BOOST_TEST(text.find("got " + std::to_string(layer.out + 1) + " x 3, expected " + std::to_string(layer.out) +
                             " x 3") != std::string::npos,
                   text);
    });
}

}  // namespace renn::test
