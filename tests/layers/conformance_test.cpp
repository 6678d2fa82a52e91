// SPDX-License-Identifier: MIT
// What every layer and every activation must do, written once and held against all of them (support/all_layers.hpp).
#define BOOST_TEST_MODULE layer_conformance
#include <algorithm>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "support/all_layers.hpp"
#include "support/allocations.hpp"
#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/subject.hpp"

namespace renn::test {

using Scalars = boost::mpl::list<float, double>;

/// Runs a claim for every layer.
template <class S>
void for_each_subject(const std::function<void(Subject<S>&)>& claim) {
    for_each_kind_of_layer<S>([&claim](auto layer) {
        const std::unique_ptr<Subject<S>> subject = std::make_unique<Held<decltype(layer)>>(layer, any_width);
        BOOST_TEST_CONTEXT(subject->describe()) {
            claim(*subject);
        }
    });
}

/// Samples, their ids and a pass over them, then everything that can follow the pass.
template <class S>
struct Bench {
    Subject<S>& layer;
    Batch<S> x, y, dx, above, above_tangent;
    std::vector<std::uint64_t> ids;
    Pass pass{.seed = 9, .step = 3, .path = 17};

    Bench(Subject<S>& subject, Index samples, bool training = false)
        : layer(subject),
          x(random_batch<S>(subject.in, samples, 5)),
          dx(random_batch<S>(subject.in, samples, 21)),
          above(random_batch<S>(subject.out, samples, 22)),
          above_tangent(random_batch<S>(subject.out, samples, 23)) {
        spread();
        for (Index j = 0; j < samples; ++j) ids.push_back(static_cast<std::uint64_t>(100 + 7 * j));
        pass.training = training;
        forward();
    }
    /// Evenly spaced values in the order they have in their column: away from kinks at 0 and from ties.
    void spread() {
        std::vector<Index> order(static_cast<std::size_t>(x.rows()));
        for (Index j = 0; j < x.cols(); ++j) {
            std::iota(order.begin(), order.end(), Index{0});
            std::sort(order.begin(), order.end(), [&](Index a, Index b) { return x(a, j) < x(b, j); });
            S rank = S(0.3);
            for (const Index i : order) x(i, j) = S(2) * rank++ / static_cast<S>(x.rows()) - S(1);
        }
    }
    void forward() {
        pass.ids = ids;
        layer.forward(x, y, pass);
    }
    void backward(Batch<S>* under, bool with_gradient) { layer.backward(x, y, above, under, with_gradient); }
    void tangent(bool moving, Batch<S>& dy) { layer.tangent(moving, x, dx, y, dy); }
    void backward_tangent(bool moving, Batch<S>& under, bool with_gradient) {
        layer.backward_tangent(moving, x, dx, y, above, above_tangent, under, with_gradient);
    }
    /// The samples first, ..., first + width - 1 of another bench, which they must be shaped for.
    void take(const Bench& all, Index first, Index width) {
        x = all.x.middleCols(first, width);
        dx = all.dx.middleCols(first, width);
        above = all.above.middleCols(first, width);
        above_tangent = all.above_tangent.middleCols(first, width);
        ids.assign(all.ids.begin() + first, all.ids.begin() + first + width);
        forward();
    }
    /// Goes `by` along all directions: in the input, in what comes from above and, if `moving`, in the parameters.
    void move(S by, bool moving) {
        x += by * dx;
        above += by * above_tangent;
        auto weights = layer.weights();
        const auto direction = layer.direction();
        for (std::size_t i = 0; i < weights.size() && moving; ++i) weights[i] += by * direction[i];
        forward();
    }
};

template <class S>
double inner_product(const S& a, const S& b) {
    double sum = 0.0;
    for (Index i = 0; i < a.size(); ++i) sum += static_cast<double>(a.data()[i]) * static_cast<double>(b.data()[i]);
    return sum;
}

/// Copies of the blocks.
template <class S>
std::vector<Batch<S>> values(const typename Subject<S>::Blocks& blocks) {
    return {blocks.begin(), blocks.end()};
}

template <class S>
void spoil_gradient(Subject<S>& layer) {
    for (auto& block : layer.gradient()) fill_with_nan(block);
}

/// Largest error, relative to values above 1; NaN and other shapes are infinite.
template <class S>
double difference(const Batch<S>& got, const Batch<S>& expected) {
    if (got.rows() != expected.rows() || got.cols() != expected.cols()) return std::numeric_limits<double>::infinity();
    double worst = 0.0;
    for (Index i = 0; i < got.size(); ++i) {
        const auto e = static_cast<double>(expected.data()[i]);
        const double error = std::abs(static_cast<double>(got.data()[i]) - e) / std::max(1.0, std::abs(e));
        if (!(error <= worst)) worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    }
    return worst;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_match_central_differences_in_both_modes, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            for (const Index samples : {1, 6}) {
                if (samples == 1 && training && layer.mixes_samples) continue;
                Bench<S> b(layer, samples, training);
                const auto loss = [&] {
                    b.forward();
                    return inner_product(b.y, b.above);
                };
                Batch<S> dx(layer.in, samples);
                fill_with_nan(dx);
                spoil_gradient(layer);
                b.backward(&dx, true);
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

BOOST_AUTO_TEST_CASE_TEMPLATE(tangents_match_central_differences_of_forward_and_backward, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool moving : {false, true}) {
            Bench<S> b(layer, 6);
            Batch<S> dy(layer.out, 6), dx_tangent(layer.in, 6);
            fill_with_nan(dy);
            fill_with_nan(dx_tangent);
            spoil_gradient(layer);
            b.tangent(moving, dy);
            b.backward_tangent(moving, dx_tangent, true);
            const auto g_tangent = values<S>(layer.gradient());

            const auto h = static_cast<S>(gradient_step<S>);
            Batch<S> y[2], dx[2];
            std::vector<Batch<S>> g[2];
            for (const int side : {0, 1}) {
                Bench<S> moved = b;
                moved.move(side == 0 ? -h : h, moving);
                y[side] = moved.y;
                moved.backward(&dx[side], true);
                g[side] = values<S>(layer.gradient());
                moved.move(side == 0 ? h : -h, moving);  // puts the parameters back
            }
            const S width = S(2) * h;
            BOOST_TEST(difference<S>(dy, (y[1] - y[0]) / width) < gradient_tolerance<S>);
            BOOST_TEST(difference<S>(dx_tangent, (dx[1] - dx[0]) / width) < gradient_tolerance<S>);
            for (std::size_t i = 0; i < g_tangent.size(); ++i) {
                BOOST_TEST(difference<S>(g_tangent[i], (g[1][i] - g[0][i]) / width) < gradient_tolerance<S>);
            }
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_is_the_transpose_of_tangent, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        Bench<S> b(layer, 6);
        Batch<S> dy, dx;
        b.tangent(true, dy);
        b.backward(&dx, true);
        double along = inner_product(b.dx, dx);
        const auto direction = values<S>(layer.direction()), gradient = values<S>(layer.gradient());
        for (std::size_t i = 0; i < gradient.size(); ++i) along += inner_product(direction[i], gradient[i]);
        BOOST_TEST(std::abs(inner_product(dy, b.above) - along) < 1000.0 * std::numeric_limits<S>::epsilon());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_wanted_does_not_change_the_rest, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        Batch<S> dx, dx_alone;
        const auto require_kept = [&layer](const std::vector<Batch<S>>& kept) {
            const auto again = values<S>(layer.gradient());
            for (std::size_t i = 0; i < kept.size(); ++i) BOOST_TEST(same_bits(again[i], kept[i]));
        };
        for (const bool training : {false, true}) {
            Bench<S> b(layer, 4, training);
            b.backward(&dx, true);
            const auto kept = values<S>(layer.gradient());
            spoil_gradient(layer);
            b.backward(&dx_alone, false);
            BOOST_TEST(same_bits(dx, dx_alone));
            b.backward(nullptr, true);
            b.backward(nullptr, false);
            require_kept(kept);
        }
        Bench<S> b(layer, 4);
        for (const bool moving : {true, false}) {
            b.backward_tangent(moving, dx, true);
            const auto kept = values<S>(layer.gradient());
            b.backward_tangent(moving, dx_alone, false);
            BOOST_TEST(same_bits(dx, dx_alone));
            require_kept(kept);
        }
        // No direction in the parameters is a direction of zero.
        Batch<S> dy, dy_zero;
        b.tangent(false, dy);
        for (auto& block : layer.direction()) block.setZero();
        b.tangent(true, dy_zero);
        b.backward_tangent(true, dx, false);
        BOOST_TEST(difference(dy_zero, dy) <= 8.0 * std::numeric_limits<S>::epsilon());
        BOOST_TEST(difference(dx_alone, dx) <= 8.0 * std::numeric_limits<S>::epsilon());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sample_has_the_same_bits_in_any_company, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            if (training && layer.mixes_samples) continue;
            const auto wide = layer.copy();
            Bench<S> all(*wide, 67, training);
            Batch<S> dx, dy, dx_tangent, some_dx, some_dy, some_dx_tangent;
            all.backward(&dx, false);
            all.tangent(true, dy);
            all.backward_tangent(true, dx_tangent, false);
            for (const Index width : {1, 3, 5, 32}) {
                Bench<S> some(layer, width, training);
                for (Index first = 0; first + width <= 67; ++first) {
                    some.take(all, first, width);
                    some.backward(&some_dx, false);
                    some.tangent(true, some_dy);
                    some.backward_tangent(true, some_dx_tangent, false);
                    const bool same = same_bits(some.y, all.y.middleCols(first, width)) &&
                                      same_bits(some_dx, dx.middleCols(first, width)) &&
                                      same_bits(some_dy, dy.middleCols(first, width)) &&
                                      same_bits(some_dx_tangent, dx_tangent.middleCols(first, width));
                    BOOST_REQUIRE(same);
                }
            }
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(views_with_an_outer_stride_give_the_bits_of_copies, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        Bench<S> b(layer, 6);
        Batch<S> dx, dy, dx_tangent, y, dx_view, dy_view, dx_tangent_view;
        b.backward(&dx, true);
        b.tangent(true, dy);
        b.backward_tangent(true, dx_tangent, true);
        const auto kept = values<S>(layer.gradient());

        const auto padded = [](const Batch<S>& m) {
            Batch<S> big = random_batch<S>(m.rows() + 8, m.cols(), 1);
            big.middleRows(3, m.rows()) = m;
            return big;
        };
        const Batch<S> bigs[] = {padded(b.x), padded(b.dx), padded(b.y), padded(b.above), padded(b.above_tangent)};
        const auto part = [&bigs](std::size_t i, Index rows) { return BatchView<S>(bigs[i].middleRows(3, rows)); };
        const auto x = part(0, layer.in), along = part(1, layer.in), out = part(2, layer.out),
                   above = part(3, layer.out), above_tangent = part(4, layer.out);
        layer.forward(x, y, b.pass);
        layer.backward(x, out, above, &dx_view, true);
        layer.tangent(true, x, along, out, dy_view);
        layer.backward_tangent(true, x, along, out, above, above_tangent, dx_tangent_view, true);
        BOOST_TEST(same_bits(y, b.y));
        BOOST_TEST(same_bits(dx_view, dx));
        BOOST_TEST(same_bits(dy_view, dy));
        BOOST_TEST(same_bits(dx_tangent_view, dx_tangent));
        const auto again = values<S>(layer.gradient());
        for (std::size_t i = 0; i < kept.size(); ++i) BOOST_TEST(same_bits(again[i], kept[i]));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_batch_gives_an_empty_output_and_no_gradient, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        const auto require_nothing = [&layer](const Batch<S>& m, Index rows) {
            BOOST_TEST(m.rows() == rows);
            BOOST_TEST(m.cols() == 0);
            for (const auto& block : layer.gradient()) BOOST_TEST(block.isZero(S(0)));
        };
        for (const bool training : {false, true}) {
            Bench<S> b(layer, 0, training);
            b.y = Batch<S>::Ones(3, 3);
            b.forward();
            BOOST_TEST(b.y.rows() == layer.out);
            BOOST_TEST(b.y.cols() == 0);
            Batch<S> dx = Batch<S>::Ones(3, 3), dy = dx;
            spoil_gradient(layer);
            b.backward(&dx, true);
            require_nothing(dx, layer.in);
            if (training) continue;
            spoil_gradient(layer);
            dx = dy;
            b.tangent(true, dy);
            b.backward_tangent(true, dx, true);
            require_nothing(dx, layer.in);
            require_nothing(dy, layer.out);
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(outputs_of_another_shape_are_reused, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        const Bench<S> fresh(layer, 3);
        Bench<S> used(layer, 9);
        used.take(Bench<S>(layer, 2), 0, 2);
        fill_with_nan(used.y);
        used.take(fresh, 0, 3);
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

BOOST_AUTO_TEST_CASE_TEMPLATE(a_linear_layer_is_its_map_and_a_shift, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        if (!layer.linear) return;
        constexpr S small = 100 * std::numeric_limits<S>::epsilon();
        Bench<S> b(layer, 7);
        Batch<S> up, down, shift, twice;
        layer.map(b.x, up);
        layer.map_transposed(b.above, down);
        BOOST_TEST(std::abs(inner_product(up, b.above) - inner_product(b.x, down)) < static_cast<double>(small));

        // The map is the layer without its shift, and takes any parameters.
        layer.forward(Batch<S>::Zero(layer.in, 7), shift, b.pass);
        BOOST_TEST((b.y - shift - up).cwiseAbs().maxCoeff() < small);
        for (auto& block : layer.weights()) block *= S(2);
        layer.map(b.x, twice);
        BOOST_TEST(same_bits(twice, Batch<S>(up * (layer.weights().empty() ? S(1) : S(2)))));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(other_shapes_are_refused_and_named, S, Scalars) {
    for_each_subject<S>([](Subject<S>& layer) {
        const auto refuses = [](Index rows, Index expected, const auto& call) {
            const std::string text = message_of<ShapeError>(call);
            const std::string want =
                "got " + std::to_string(rows) + " x 3, expected " + std::to_string(expected) + " x 3";
            BOOST_TEST(text.find(want) != std::string::npos, text);
        };
        Bench<S> b(layer, 3);
        Batch<S> result;
        const Batch<S> above = Batch<S>::Zero(layer.out + 1, 3), x = Batch<S>::Zero(layer.in + 1, 3);
        refuses(layer.out + 1, layer.out, [&] { layer.backward(b.x, b.y, above, &result, true); });
        refuses(layer.in + 1, layer.in, [&] { layer.tangent(true, b.x, x, b.y, result); });
        refuses(layer.out + 1, layer.out,
                [&] { layer.backward_tangent(true, b.x, b.dx, b.y, b.above, above, result, true); });
        if (layer.takes_any_width) return;
        refuses(layer.in + 1, layer.in, [&] { layer.forward(x, result, b.pass); });
        if (layer.linear) refuses(layer.in + 1, layer.in, [&] { layer.map(x, result); });
        for (std::size_t i = 0; i < layer.weights().size(); ++i) {
            const auto spoilt = layer.copy();
            spoilt->spoil(i);
            BOOST_CHECK_THROW(spoilt->forward(b.x, result, b.pass), ShapeError);
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_second_run_allocates_nothing, S, Scalars) {
    if (!counts_allocations) return;  // sanitizers count in a malloc of their own
    for_each_subject<S>([](Subject<S>& layer) {
        for (const bool training : {false, true}) {
            Bench<S> b(layer, 9, training);
            Batch<S> dx, dy, up, down;
            const auto everything = [&] {
                b.forward();
                b.backward(&dx, true);
                b.tangent(true, dy);
                b.backward_tangent(true, dx, true);
                if (!layer.linear) return;
                layer.map(b.x, up);
                layer.map_transposed(b.above, down);
            };
            everything();
            BOOST_TEST(allocations(everything) == 0u);
        }
    });
}

}  // namespace renn::test

template <template <class> class... Kinds>
inline constexpr bool all_linear = (renn::LinearLayer<Kinds<double>> && ...);

static_assert(renn::LinearLayer<renn::Dense<double, 3, 2>> &&
              all_linear<renn::Conv1d, renn::Conv2d, renn::AvgPool2d, renn::GlobalAvgPool, renn::BatchNorm,
                         renn::Standardize, renn::Flatten>);
static_assert(!renn::LinearLayer<renn::Dropout<double>> && !renn::LinearLayer<renn::LayerNorm<double>> &&
              !renn::LinearLayer<renn::MaxPool2d<double>>);
