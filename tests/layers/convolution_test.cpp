// SPDX-License-Identifier: MIT
// labels: long_running
// Convolution and pooling against the sums they are defined by, over random geometries.
#define BOOST_TEST_MODULE convolution
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/max_pool.hpp>

#include "support/allocations.hpp"
#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/run.hpp"

using namespace renn;
using namespace renn::test;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class S>
constexpr double small = 200 * static_cast<double>(std::numeric_limits<S>::epsilon());

Index between(Rng& rng, Index low, Index high) {
    return low + static_cast<Index>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

struct Geometry {
    Shape in;
    Conv2dOptions options;
};

/// Any that is possible, with images of up to 17 x 17.
Geometry random_geometry(std::uint64_t seed) {
    Rng rng(seed);
    const auto both = [&rng](Index low, Index high) {
        const Index height = between(rng, low, high);
        return Size2(height, between(rng, low, high));
    };
    for (;;) {
        const Index groups = between(rng, 1, 3);
        Geometry g{{groups * between(rng, 1, 3), between(rng, 1, 17), between(rng, 1, 17)},
                   {.channels = groups * between(rng, 1, 6),
                    .kernel = both(1, 4),
                    .stride = both(1, 3),
                    .padding = both(0, 3),
                    .dilation = both(1, 3),
                    .groups = groups,
                    .bias = rng.uniform() < 0.5}};
        const auto& o = g.options;
        if (o.dilation.height * (o.kernel.height - 1) < g.in.height + 2 * o.padding.height &&
            o.dilation.width * (o.kernel.width - 1) < g.in.width + 2 * o.padding.width) {
            return g;
        }
    }
}

/// x at a place of the padded image; nothing in the border.
template <class S>
std::optional<S> value(const Shape& in, const Batch<S>& x, Index j, Index c, Index v, Index u) {
    if (v < 0 || u < 0 || v >= in.height || u >= in.width) return std::nullopt;
    return x(in.at(c, v, u), j);
}

/// Calls f(y's row, channel, the values under the window at that place of that channel).
template <class S, class F>
void for_each_patch(const Shape& in, const Shape& out, const Conv2dOptions& o, const Batch<S>& x, Index j, F&& f) {
    std::vector<std::optional<S>> patch;
    for (Index c = 0; c < in.channels; ++c) {
        for (Index row = 0; row < out.height; ++row) {
            for (Index column = 0; column < out.width; ++column) {
                patch.clear();
                for (Index ky = 0; ky < o.kernel.height; ++ky) {
                    for (Index kx = 0; kx < o.kernel.width; ++kx) {
                        patch.push_back(value(in, x, j, c,
                                              row * o.stride.height + ky * o.dilation.height - o.padding.height,
                                              column * o.stride.width + kx * o.dilation.width - o.padding.width));
                    }
                }
                f(row * out.width + column, c, patch);
            }
        }
    }
}

template <class S>
Batch<S> naive(const Conv2d<S>& layer, const Conv2dOptions& o, const Batch<S>& x) {
    const Shape in = layer.input_shape(), out = layer.output_shape();
    const auto& w = layer.parameters();
    Batch<S> y(out.size(), x.cols());
    const Index inputs = in.channels / o.groups, outputs = out.channels / o.groups, taps = w.weights.cols() / inputs;
    for (Index j = 0; j < x.cols(); ++j) {
        for (Index c = 0; c < out.channels; ++c) {
            for (Index p = 0; p < out.positions(); ++p) y(c * out.positions() + p, j) = o.bias ? w.bias[c] : S(0);
        }
        for_each_patch(in, out, o, x, j, [&](Index place, Index c, const auto& patch) {
            for (Index k = c / inputs * outputs; k < (c / inputs + 1) * outputs; ++k) {
                for (Index t = 0; t < taps; ++t) {
                    y(k * out.positions() + place, j) +=
                        w.weights(k, c % inputs * taps + t) * patch[static_cast<std::size_t>(t)].value_or(S(0));
                }
            }
        });
    }
    return y;
}

template <class S>
double product(const Batch<S>& a, const Batch<S>& b) {
    return a.template cast<double>().cwiseProduct(b.template cast<double>()).sum();
}

/// A bias of zeros would hide that it is added.
template <class S>
Conv2d<S> layer_of(const Geometry& g, std::uint64_t seed) {
    Conv2d<S> layer(g.in, g.options, seed);
    auto& bias = layer.parameters().bias;
    bias = random_batch<S>(bias.size(), 1, seed);
    return layer;
}

/// What has to hold for any layer here: bits that do not depend on the batch, outputs written whole, nothing allocated,
/// constants that make the same layer.
template <class L>
void check_conduct(const L& layer) {
    using S = typename L::Scalar;
    BOOST_TEST_CONTEXT(layer.describe()) {
        const auto& w = layer.parameters();
        const Batch<S> x = random_batch<S>(layer.in_features() + 3, 5, 1),
                       dy = random_batch<S>(layer.out_features(), 5, 2);
        typename L::Cache cache;
        Batch<S> y, dx, dx_alone, tangent, one_y, one_dx;
        auto g = w, again = w;
        NotWanted none;
        const BatchView<S> view = x.bottomRows(layer.in_features());
        const auto pass = [&] {
            layer.forward(w, view, y, cache, {});
            layer.backward(w, view, y, cache, dy, dx, g);
            layer.backward(w, view, y, cache, dy, dx_alone, none);
            layer.backward(w, view, y, cache, dy, none, again);
            layer.tangent(w, w, view, view, y, cache, tangent);
        };
        pass();
        for (auto* m : {&y, &dx, &dx_alone, &tangent}) fill_with_nan(*m);
        const auto allocated = allocations(pass);
        if (counts_allocations) BOOST_TEST(allocated == 0u);
        BOOST_TEST(y.allFinite());
        BOOST_TEST(same_bits(dx, dx_alone));
        for_each_block([](const auto& a, const auto& b) { BOOST_TEST(same_bits(a, b)); }, g, again);
        for (Index j = 0; j < 5; ++j) {
            const Batch<S> one = view.col(j);
            layer.forward(w, one, one_y, cache, {});
            layer.backward(w, one, one_y, cache, dy.col(j), one_dx, none);
            BOOST_TEST(same_bits(one_y, y.col(j)));
            BOOST_TEST(same_bits(one_dx, dx.col(j)));
        }
        layer.forward(w, Batch<S>(layer.in_features(), 0), y, cache, {});
        layer.backward(w, Batch<S>(layer.in_features(), 0), y, cache, Batch<S>(layer.out_features(), 0), dx, g);
        BOOST_TEST(y.rows() == layer.out_features());
        BOOST_TEST(dx.rows() == layer.in_features());
        for_each_block([](const auto& block) { BOOST_TEST(block.isZero(S(0))); }, g);

        L loaded;
        loaded.constants() = layer.constants();
        loaded.check();
        BOOST_TEST(loaded.describe() == layer.describe());
        BOOST_TEST((loaded.output_shape() == layer.output_shape()));
        BOOST_TEST(layer.output_shape().size() == layer.out_features());
        BOOST_CHECK_THROW(run(layer, Batch<S>(Batch<S>::Zero(layer.in_features() + 1, 2))), ShapeError);
        BOOST_CHECK_THROW(layer.backward(w, view, y, cache, dy.topRows(dy.rows() - 1), dx, none), ShapeError);
    }
}

/// Derivatives by central differences, of inputs and parameters, and the tangents by the same identity.
template <class L>
void check_derivatives(const L& layer) {
    BOOST_TEST_CONTEXT(layer.describe()) {
        auto w = layer.parameters();
        Batch<double> x = random_batch<double>(layer.in_features(), 2, 3), y, dx, dy, dx_tangent, scratch;
        const Batch<double> above = random_batch<double>(layer.out_features(), 2, 4);
        const Batch<double> v = random_batch<double>(layer.in_features(), 2, 5);
        const Batch<double> u = random_batch<double>(layer.out_features(), 2, 6);
        typename L::Cache cache;
        auto g = w, dw = w, g_tangent = w;
        for_each_block([](auto& block) { block = random_batch<double>(block.rows(), block.cols(), 7); }, dw);
        const auto loss = [&] {
            layer.forward(w, x, y, cache, {});
            return product(y, above);
        };
        loss();
        layer.backward(w, x, y, cache, above, dx, g);
        BOOST_TEST(gradient_error(loss, x, dx) < gradient_tolerance<double>);
        BOOST_TEST(parameter_gradient_error(loss, w, g) < gradient_tolerance<double>);

        const auto along = [](const auto& a, const auto& b) {
            double sum = 0;
            for_each_block([&sum](const auto& p, const auto& q) { sum += p.cwiseProduct(q).sum(); }, a, b);
            return sum;
        };
        layer.tangent(w, dw, x, v, y, cache, dy);
        BOOST_TEST(std::abs(product(dy, above) - product(dx, v) - along(g, dw)) < 1e-10);
        // Along (v, dw, u) the gradients change as their differences do.
        layer.backward_tangent(w, dw, x, v, y, cache, above, u, dx_tangent, g_tangent);
        static constexpr double h = 1e-6;
        auto w_moved = w, g_moved = w;
        for_each_block([](auto& p, const auto& d) { p += h * d; }, w_moved, dw);
        layer.backward(w_moved, x + h * v, y, cache, above + h * u, scratch, g_moved);
        BOOST_TEST(((scratch - dx) / h - dx_tangent).cwiseAbs().maxCoeff() < 1e-4);
        for_each_block(
            [](const auto& moved, const auto& g0, const auto& t) {
                if (t.size() > 0) BOOST_TEST(((moved - g0) / h - t).cwiseAbs().maxCoeff() < 1e-4);
            },
            g_moved, g, g_tangent);
    }
}

template <class S>
void check_adjoint(const auto& layer) {
    const Batch<S> x = random_batch<S>(layer.in_features(), 3, 8), g = random_batch<S>(layer.out_features(), 3, 9);
    Batch<S> up, down;
    layer.map(layer.parameters(), x, up);
    layer.map_transposed(layer.parameters(), g, down);
    BOOST_TEST(std::abs(product(up, g) - product(x, down)) < small<S> * (1.0 + up.norm() * g.norm()));
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_convolution_is_the_sum_it_is_defined_by, S, Scalars) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const Geometry g = random_geometry(seed);
        const Conv2d<S> layer = layer_of<S>(g, seed);
        BOOST_TEST_CONTEXT(layer.describe() << ", padding " << g.options.padding.text()) {
            const Batch<S> x = random_batch<S>(layer.in_features(), 2, seed);
            const Batch<S> y = run(layer, x), expected = naive(layer, g.options, x);
            BOOST_TEST((y - expected).cwiseAbs().maxCoeff() < small<S>);
            check_adjoint<S>(layer);
            if (seed % 6 == 0) check_conduct(layer);
        }
    }
    check_conduct(layer_of<S>({{40, 15, 15}, {.channels = 35, .kernel = 5, .padding = 2}}, 1));  // several tiles
}

BOOST_AUTO_TEST_CASE(a_convolution_over_more_than_one_tile_of_columns) {
    const Geometry g{{60, 6, 6}, {.channels = 3, .kernel = 5, .padding = 2}};
    const Conv2d<double> layer = layer_of<double>(g, 1);
    const Batch<double> x = random_batch<double>(layer.in_features(), 2, 2);
    BOOST_TEST((run(layer, x) - naive(layer, g.options, x)).cwiseAbs().maxCoeff() < 1e-11);
    check_adjoint<double>(layer);
}

BOOST_AUTO_TEST_CASE(derivatives_are_those_of_differences) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        Geometry g = random_geometry(seed);
        g.in.height = std::min<Index>(g.in.height, 7);
        const auto message = message_of<ShapeError>([&] { check_derivatives(layer_of<double>(g, seed)); });
        BOOST_TEST((message == "no error" || message.find("at most the padded input") != std::string::npos), message);
    }
    check_derivatives(MaxPool2d<double>(Shape{2, 6, 8}));
    check_derivatives(MaxPool2d<double>(Shape{2, 7, 5}, {.kernel = 3, .stride = 2, .padding = 1}));
    check_derivatives(AvgPool2d<double>(Shape{2, 7, 5}, {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}}));
    check_derivatives(GlobalAvgPool<double>(Shape{3, 4, 5}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pooling_takes_the_largest_or_the_mean, S, Scalars) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        Geometry g = random_geometry(seed);
        auto& o = g.options;
        if (seed % 4 == 0) o.kernel = o.stride = 2;
        o.dilation = 1;
        o.padding =
            Size2(std::min(o.padding.height, o.kernel.height / 2), std::min(o.padding.width, o.kernel.width / 2));
        if (seed % 4 == 0) o.padding = 0;
        g.in.height = std::max(g.in.height, o.kernel.height);
        g.in.width = std::max(g.in.width, o.kernel.width);
        const PoolOptions options{.kernel = o.kernel, .stride = o.stride, .padding = o.padding};
        const MaxPool2d<S> largest(g.in, options);
        const AvgPool2d<S> mean(g.in, options);
        const Shape out = mean.output_shape();
        const Batch<S> x = random_batch<S>(g.in.size(), 1, seed).array() - S(3);  // a zero of the border would win
        const Batch<S> maxima = run(largest, x), means = run(mean, x);
        BOOST_TEST_CONTEXT(mean.describe() << ", padding " << o.padding.text()) {
            for_each_patch(g.in, out, o, x, 0, [&](Index place, Index c, const auto& patch) {
                S best = -std::numeric_limits<S>::infinity(), sum = 0;
                for (const auto& v : patch) {
                    best = std::max(best, v.value_or(best));
                    sum += v.value_or(S(0));
                }
                BOOST_TEST(maxima(c * out.positions() + place) == best);
                BOOST_TEST(means(c * out.positions() + place) == sum / static_cast<S>(patch.size()));
            });
            check_adjoint<S>(mean);
        }
        if (seed % 4 == 0) {
            check_conduct(largest);
            check_conduct(mean);
        }
    }
    const GlobalAvgPool<S> global(Shape{9, 5, 7});
    const AvgPool2d<S> whole(Shape{9, 5, 7}, {.kernel = {5, 7}});
    const Batch<S> x = random_batch<S>(315, 3, 1);
    BOOST_TEST(same_bits(run(global, x), run(whole, x)));
    check_conduct(global);
    check_conduct(MaxPool2d<S>(Shape{3, 7, 9}, {.kernel = 3, .stride = 2, .padding = 1}));
}

BOOST_AUTO_TEST_CASE(of_equal_values_the_first_wins_and_a_nan_beats_them_all) {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const std::vector<std::vector<double>> windows{{1, 1, 1, 1},       {0, 2, 2, 1},   {-0.0, 0.0, -1, -1},
                                                   {1, nan, nan, inf}, {1, 2, nan, 3}, {-inf, -inf, -inf, -inf},
                                                   {1, 2, 3, 4},       {3, 2, 3, inf}};
    const std::vector<Index> winners{0, 1, 0, 1, 2, 0, 3, 3};
    // The same window for the special case and, with a column that is not used, for any other.
    for (const Size2& stride : {Size2(2), Size2(2, 3)}) {
        const MaxPool2d<double> pool(Shape{1, 2, 2}, {.kernel = 2, .stride = stride});
        for (std::size_t i = 0; i < windows.size(); ++i) {
            const Batch<double> x = Eigen::Map<const Batch<double>>(windows[i].data(), 4, 1);
            const Batch<double> y = run(pool, x), five = Batch<double>::Constant(1, 1, 5.0);
            BOOST_TEST(same_bits(y, x.row(winners[i])));
            Batch<double> dx, dy, expected = Batch<double>::Zero(4, 1);
            expected(winners[i]) = 5;
            renn::NoCache cache;
            NotWanted none;
            pool.backward({}, x, y, cache, five, dx, none);
            BOOST_TEST(same_bits(dx, expected));
            pool.tangent({}, none, x, random_batch<double>(4, 1, 3), y, cache, dy);
            BOOST_TEST(dy(0) == random_batch<double>(4, 1, 3)(winners[i]));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_sequence_is_an_image_of_one_row) {
    const Conv1d<float> line(Shape{4, 1, 30},
                             {.channels = 6, .kernel = 5, .stride = 2, .padding = 3, .dilation = 2, .groups = 2}, 3);
    const Conv2d<float> image(
        Shape{4, 1, 30},
        {.channels = 6, .kernel = {1, 5}, .stride = {1, 2}, .padding = {0, 3}, .dilation = {1, 2}, .groups = 2}, 3);
    const auto x = random_batch<float>(120, 4, 1);
    BOOST_TEST(same_bits(run(line, x), run(image, x)));
    BOOST_TEST(line.describe() == "Conv1d 4 x 1 x 30 -> 6 x 1 x 14, 1 x 5, stride 1 x 2, dilation 1 x 2, groups 2");
    check_conduct(line);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
    const Shape in{4, 8, 8};
    const auto data = [&](const Conv2dOptions& o) { return message_of<DataError>([&] { Conv2d<float>(in, o, 1); }); };
    BOOST_TEST(data({}) == "Conv2d: channels: got 0, expected 1 or more");
    BOOST_TEST(data({.channels = 4, .kernel = {3, 0}}) == "Conv2d: kernel: got 3 x 0, expected 1 or more");
    BOOST_TEST(data({.channels = 4, .stride = {0, 1}}) == "Conv2d: stride: got 0 x 1, expected 1 or more");
    BOOST_TEST(data({.channels = 4, .padding = -1}) == "Conv2d: padding: got -1 x -1, expected 0 or more");
    BOOST_TEST(data({.channels = 4, .dilation = 0}) == "Conv2d: dilation: got 0 x 0, expected 1 or more");
    BOOST_TEST(data({.channels = 6, .groups = 4}) ==
               "Conv2d: groups: got 4, expected a divisor of 4 input and 6 output channels");
    const auto shape = [](const Shape& s, const Conv2dOptions& o) {
        return message_of<ShapeError>([&] { Conv2d<float>(s, o, 1); });
    };
    BOOST_TEST(shape(in, {.channels = 1, .kernel = 5, .padding = 1, .dilation = 3}) ==
               "Conv2d: kernel with its dilation: got 13 x 13, expected at most the padded input, 10 x 10");
    BOOST_TEST(shape({0, 8, 8}, {.channels = 1}) == "Conv2d: input: got 0 x 8 x 8, expected 1 or more of each");
    constexpr Index huge = 2000000000;
    BOOST_TEST(shape({huge, huge, huge}, {.channels = huge}).find("fewer than 2^31") != std::string::npos);
    BOOST_TEST(message_of<ShapeError>([] {
                   Conv1d<float>(Shape{1, 2, 9}, {.channels = 1}, 1);
               }) == "Conv1d: input: got 1 x 2 x 9, expected a sequence: height 1");
    Conv2d<float> layer(in, {.channels = 2, .kernel = 3, .bias = false}, 1);
    BOOST_TEST(message_of<ShapeError>([&] { run(layer, Batch<float>(Batch<float>::Zero(3, 2))); }) ==
               "Conv2d: x: got 3 x 2, expected 256 x 2");
    layer.parameters().weights.resize(2, 9);
    BOOST_TEST(message_of<ShapeError>([&] { run(layer, Batch<float>(Batch<float>::Zero(256, 2))); }) ==
               "Conv2d: weights: got 2 x 9, expected 2 x 36");
    BOOST_TEST(message_of<DataError>([&] { MaxPool2d<float>(in, {.kernel = 3, .padding = 2}); }) ==
               "MaxPool2d: padding: got 2 x 2, expected at most half of 3 x 3");
    BOOST_TEST(message_of<ShapeError>([&] { AvgPool2d<float>(in, {.kernel = 9}); }) ==
               "AvgPool2d: kernel with its dilation: got 9 x 9, expected at most the padded input, 8 x 8");
    BOOST_CHECK_THROW(GlobalAvgPool<float>(Shape{3, 0, 2}), ShapeError);
    BOOST_CHECK_THROW(Conv2d<float>().check(), ShapeError);
}
