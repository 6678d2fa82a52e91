// SPDX-License-Identifier: MIT
// What pictures are made from and changed by, how likely they are, and which samples stand beside them.
#define BOOST_TEST_MODULE maximisation_parts
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include <renn/attribution/maximisation/code_space.hpp>
#include <renn/attribution/maximisation/colour_mix.hpp>
#include <renn/attribution/maximisation/dataset_examples.hpp>
#include <renn/attribution/maximisation/fitted_metrics.hpp>
#include <renn/attribution/maximisation/fourier.hpp>
#include <renn/attribution/maximisation/gaussian_mixture.hpp>
#include <renn/attribution/maximisation/maximise.hpp>
#include <renn/attribution/maximisation/objectives.hpp>
#include <renn/attribution/maximisation/penalties.hpp>
#include <renn/attribution/maximisation/pyramid.hpp>
#include <renn/attribution/maximisation/range.hpp>
#include <renn/attribution/maximisation/robustness.hpp>
#include <renn/attribution/maximisation/train_rbm.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;
using namespace renn::maximisation;

namespace {

/// Greatest difference of <T x, y> - <T 0, y> and <x, T* y> over three columns, of a layer that is linear but for a
/// constant.
template <class L>
double adjoint_gap(const L& layer, Index in) {
    const Batch<double> x = test::random_batch<double>(in, 3, 1);
    typename L::Cache cache;
    Batch<double> tx, t0, back;
    layer.forward(layer.parameters(), Batch<double>::Zero(in, 3), t0, cache, {.seed = 3, .step = 4});
    layer.forward(layer.parameters(), x, tx, cache, {.seed = 3, .step = 4});
    const Batch<double> y = test::random_batch<double>(tx.rows(), 3, 2);
    NotWanted none;
    layer.backward(layer.parameters(), x, tx, cache, y, back, none);
    double gap = 0.0;
    for (Index j = 0; j < 3; ++j) {
        gap = std::max(gap, std::abs((tx - t0).col(j).dot(y.col(j)) - x.col(j).dot(back.col(j))));
    }
    return gap;
}

/// Of a Target.
template <class T>
double slope_gap(const T& target, Batch<double> x) {
    Column<double> value, up, down;
    Batch<double> slope, unused;
    target(BatchView<double>(x), value, slope);
    double worst = 0.0;
    for (Index i = 0; i < x.size(); ++i) {
        const double at = x.data()[i];
        x.data()[i] = at + 1e-5;
        target(BatchView<double>(x), up, unused);
        x.data()[i] = at - 1e-5;
        target(BatchView<double>(x), down, unused);
        x.data()[i] = at;
        worst = std::max(worst, std::abs((up - down).sum() / 2e-5 - slope.data()[i]));
    }
    return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_map_of_pictures_has_its_exact_adjoint) {
    for (const Shape& shape : {Shape{1, 5, 4}, Shape{3, 4, 7}}) {
        const Index d = shape.size();
        BOOST_TEST(adjoint_gap(Fourier<double>(shape), d) < 1e-12);
        const Pyramid<double> pyramid(shape, 3);
        BOOST_TEST(adjoint_gap(pyramid, pyramid.in_features()) < 1e-12);
        BOOST_TEST(adjoint_gap(ColourMix<double>(shape), d) < 1e-12);
        BOOST_TEST(adjoint_gap(pad<double>(shape, 2), d) < 1e-12);
        BOOST_TEST(adjoint_gap(jitter<double>(shape, 2), d) < 1e-12);
        BOOST_TEST(adjoint_gap(random_scale<double>(shape, {0.8, 1.3}), d) < 1e-12);
        BOOST_TEST(adjoint_gap(random_rotation<double>(shape, {-20, 35}), d) < 1e-12);
        BOOST_TEST(adjoint_gap(robustness<double>(shape), d) < 1e-12);
    }
}

BOOST_AUTO_TEST_CASE(moved_pictures_are_where_they_should_be) {
    const Shape shape{1, 3, 3};
    const Batch<double> x = Column<double>::LinSpaced(9, 1, 9);
    const auto of = [&](const auto& layer) { return Network(layer).predict(x); };
    const Batch<double> wide = of(pad<double>(shape, 1, 0.5));
    BOOST_TEST(wide.rows() == 25);
    BOOST_TEST(wide(0, 0) == 0.5);
    BOOST_TEST(wide(6, 0) == 1.0);
    BOOST_TEST(of(centred<double>(shape, {1, 1, 1}))(0, 0) == 5.0);
    const Batch<double> turned = of(random_rotation<double>(shape, {90}));
    BOOST_TEST((turned - Batch<double>{{3, 6, 9, 2, 5, 8, 1, 4, 7}}.transpose()).norm() < 1e-12);
    const Batch<double> part = of(jitter<double>(shape, 1));
    BOOST_TEST(part(1, 0) - part(0, 0) == 1.0);
    BOOST_TEST(part(2, 0) - part(0, 0) == 3.0);
    BOOST_TEST((of(random_scale<double>(shape, {1.0})) - x).norm() < 1e-12);
    const auto net = Network(jitter<double>({1, 9, 9}, 5));
    const Batch<double> same = test::random_batch<double>(81, 1, 4).replicate(1, 2);
    Workspace<std::remove_const_t<decltype(net)>> w;
    const Batch<double> one = net.forward(same, w, {.seed = 1, .step = 1});
    BOOST_TEST(test::same_bits(one, net.forward(same, w, {.seed = 1, .step = 1})));
    BOOST_TEST(!test::same_bits(one, net.forward(same, w, {.seed = 1, .step = 2})));
    BOOST_TEST(!test::same_bits(one.col(0), one.col(1)));
}

BOOST_AUTO_TEST_CASE(a_step_in_coefficients_is_a_low_frequency_step_in_pixels) {
    const Shape shape{1, 6, 8};
    const Fourier<double> fourier(shape);
    const Batch<double> rows = fourier_basis<double>(8), columns = fourier_basis<double>(6);
    BOOST_TEST((rows * rows.transpose() - Batch<double>::Identity(8, 8)).norm() < 1e-12);
    // F^-1 S^2 F g by the complex sum over all frequencies, as a convolution with its kernel.
    const Batch<double> g = test::random_batch<double>(48, 1, 6);
    const auto kernel = [](Index dy, Index dx) {
        double sum = 0.0;
        for (int v = -3; v < 3; ++v) {
            for (int u = -4; u < 4; ++u) {
                const double s = 0.25 / std::max(std::hypot(u / 8.0, v / 6.0), 1.0 / 8.0);
                sum += s * s / 48.0 *
                       std::cos(2 * std::numbers::pi *
                                (u * static_cast<double>(dx) / 8 + v * static_cast<double>(dy) / 6));
            }
        }
        return sum;
    };
    Batch<double> wanted = Batch<double>::Zero(48, 1);
    for (Index i = 0; i < 48; ++i) {
        for (Index k = 0; k < 48; ++k) wanted(i, 0) += kernel(i / 8 - k / 8, i % 8 - k % 8) * g(k, 0);
    }
    Batch<double> step = g;
    Decorrelated{fourier}(step);
    BOOST_TEST((step - wanted).cwiseAbs().maxCoeff() < 1e-6);
    // Plain ascent on coefficients makes the same step.
    const Network net(Dense<double>(DenseParameters<double>{g.transpose(), Column<double>::Zero(1)}));
    const auto coded = maximise_from(net, logit(0), Batch<double>::Zero(48, 1),
                                     Search<>().in(fourier).by(Sgd{.learning_rate = 0.1}), {.steps = 1});
    BOOST_TEST((coded.pictures - 0.1 * wanted).cwiseAbs().maxCoeff() < 1e-6);

    const auto high_part = [&](Batch<double> direction) {
        typename Fourier<double>::Cache cache;
        Batch<double> c;
        fourier.analyse(direction, c, cache);
        c.array().colwise() /= fourier.scale().array();
        double high = 0.0;
        for (Index i = 0; i < 48; ++i) high += fourier.scale()[i] < 0.25 / 0.3 ? c(i, 0) * c(i, 0) : 0.0;
        return high / c.squaredNorm();
    };
    Batch<double> smooth(48, 1);  // a bump
    for (Index i = 0; i < 48; ++i)
        smooth(i, 0) =
            std::exp(-0.3 * std::hypot(static_cast<double>(i / 8) - 2.5, static_cast<double>(i % 8) - 3.5)) - 0.4;
    Batch<double> by_sign = smooth, decorrelated = smooth;
    LargestComponent{}(by_sign);
    Decorrelated{fourier}(decorrelated);
    BOOST_TEST(high_part(decorrelated) < high_part(smooth));
    BOOST_TEST(high_part(smooth) < high_part(by_sign));
    const auto expert = GaussianExpert<double>::fit(test::random_batch<double>(48, 300, 1));
    Batch<double> along = g;
    AsSamplesVary<double>{expert}(along);
    BOOST_TEST((along - expert.covariance() * g).norm() < 1e-12);
}

BOOST_AUTO_TEST_CASE(experts_know_their_density) {
    const Batch<double> x = test::random_batch<double>(4, 30, 2);
    const auto expert = GaussianExpert<double>::fit(x);
    BOOST_TEST(slope_gap(expert, x.leftCols(3)) < 1e-7);
    // r is a hundredth of the mean variance.
    const Batch<double> away = x.colwise() - expert.mean();
    const Batch<double> covariance = away * away.transpose() / 30.0;
    BOOST_TEST((expert.covariance() - covariance).diagonal().mean() / covariance.diagonal().mean() == 0.01,
               boost::test_tools::tolerance(1e-9));
    Column<double> value;
    Batch<double> slope;
    GaussianExpert<double>(Column<double>::Zero(1), Batch<double>::Constant(1, 1, 4.0))(Batch<double>::Ones(1, 1),
                                                                                        value, slope);
    BOOST_TEST(value[0] == -0.125 - 0.5 * std::log(8 * std::numbers::pi), boost::test_tools::tolerance(1e-12));

    std::vector<std::int32_t> labels;
    for (int i = 0; i < 30; ++i) labels.push_back(i % 3 == 0 ? 0 : 2);
    const auto mixture = GaussianMixture<double>::of_classes(x, labels);
    BOOST_TEST(mixture.parts().size() == 2U);
    BOOST_TEST(slope_gap(mixture, x.leftCols(3)) < 1e-7);
}

BOOST_AUTO_TEST_CASE(free_energy_is_the_sum_over_hidden_states) {
    for (const Visible visible : {Visible::binary, Visible::gaussian}) {
        const Batch<double> weights = test::random_batch<double>(5, 4, 1);
        const Column<double> bias = test::random_batch<double>(5, 1, 3);
        const Rbm<Dense<double>> rbm{Dense<double>({weights, bias}), test::random_batch<double>(4, 1, 2), visible};
        const Batch<double> v = test::random_batch<double>(4, 3, 4);
        BOOST_TEST(slope_gap(rbm, v) < 1e-8);
        Column<double> value;
        Batch<double> slope;
        rbm(v, value, slope);
        double sum = 0.0;
        for (unsigned state = 0; state < 32; ++state) {
            Column<double> h(5);
            for (unsigned i = 0; i < 5; ++i) h[i] = (state >> i) % 2;
            const double own = visible == Visible::binary ? rbm.visible_bias.dot(v.col(1))
                                                          : -0.5 * (v.col(1) - rbm.visible_bias).squaredNorm();
            sum += std::exp(own + bias.dot(h) + h.dot(weights * v.col(1)));
        }
        BOOST_TEST(value[1] == std::log(sum), boost::test_tools::tolerance(1e-12));
    }
}

BOOST_AUTO_TEST_CASE(a_convolutional_machine_is_the_dense_one_with_its_unrolled_weights) {
    Conv2d<double> filters({1, 5, 5}, {.channels = 2, .kernel = 3}, 4);
    filters.parameters().bias << 0.3, -0.7;
    Batch<double> unrolled, at_zero;
    filters.map(filters.parameters(), Batch<double>::Identity(25, 25), unrolled);
    NoCache cache;
    filters.forward(filters.parameters(), Batch<double>::Zero(25, 1), at_zero, cache, {});
    const Column<double> bias = test::random_batch<double>(25, 1, 5);
    const Rbm<Conv2d<double>> shared{filters, bias};
    const Rbm<Dense<double>> dense{Dense<double>({unrolled, at_zero.col(0)}), bias};
    const Batch<double> v = test::random_batch<double>(25, 3, 4);
    Column<double> value, wanted;
    Batch<double> slope, wanted_slope;
    shared(v, value, slope);
    dense(v, wanted, wanted_slope);
    BOOST_TEST((value - wanted).norm() < 1e-12);
    BOOST_TEST((slope - wanted_slope).norm() < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_trained_machine_finds_its_data_likelier_than_others) {
    Rng rng(1);
    Batch<double> stripes(8, 400), noise(8, 100);
    for (Index j = 0; j < 400; ++j) {  // all of one half on, the other off
        stripes.col(j) = Column<double>::Constant(8, rng.uniform() < 0.5 ? 0.0 : 1.0);
        stripes.col(j).tail(4).array() = 1.0 - stripes(0, j);
    }
    for (double& value : noise.reshaped()) value = rng.uniform() < 0.5 ? 0.0 : 1.0;
    for (const bool persistent : {false, true}) {
        const RbmOptions options{.epochs = 60, .learning_rate = 0.1, .persistent = persistent, .seed = 2};
        const auto rbm = train_rbm(Dense<double>(8, 4), stripes, options);
        Column<double> of_data, of_noise;
        Batch<double> slope;
        rbm(stripes, of_data, slope);
        rbm(noise, of_noise, slope);
        BOOST_TEST(of_data.mean() > of_noise.mean() + 2.0);
        const auto same = train_rbm(Dense<double>(8, 4, 9), stripes, options);
        BOOST_TEST(test::same_bits(rbm.layer.parameters().weights, same.layer.parameters().weights));
    }
    const auto shared = train_rbm(Conv2d<double>({1, 2, 4}, {.channels = 2, .kernel = {2, 3}}), stripes,
                                  {.epochs = 60, .learning_rate = 0.1, .seed = 2});
    Column<double> of_data, of_noise;
    Batch<double> slope;
    shared(stripes, of_data, slope);
    shared(noise, of_noise, slope);
    BOOST_TEST(of_data.mean() > of_noise.mean() + 1.0);
}

BOOST_AUTO_TEST_CASE(codes_and_views_together_and_the_samples_beside_them) {
    const Shape shape{3, 6, 6};
    const Network net(Dense<double>(108, 2, 1));
    const Network code(Fourier<double>{shape}, ColourMix<double>{shape}, maximisation::Range<double>{-1, 1});
    const auto search = Search<>().in(code).under(robustness<double>(shape, 0.0));
    const MaximiseOptions options{.steps = 60, .pictures = 2, .seed = 3};
    const auto found = maximise(net, logit(1), search, options);
    BOOST_TEST(found.pictures.cwiseAbs().maxCoeff() < 1.0);
    BOOST_TEST(found.value.minCoeff() > 2.0);
    BOOST_TEST(test::same_bits(found.pictures, maximise(net, logit(1), search, options).pictures));
    BOOST_TEST((net.predict(found.pictures).row(1).transpose() - found.value).norm() < 1e-12);
    const Network clipped(maximisation::Range<double>(0, 1, Squeeze::clip));
    BOOST_TEST(maximise(net, logit(1), Search<>().in(clipped), {.steps = 30, .mean = 0.5}).pictures.maxCoeff() <= 1.0);
    // M of measured colours: M M^T is their covariance.
    const Batch<double> x = test::random_batch<double>(108, 40, 2);
    const Batch<double> m = ColourMix<double>::of(x, shape).mix();
    Batch<double> pixels(36 * 40, 3);
    for (Index j = 0; j < 40; ++j) pixels.middleRows(36 * j, 36) = x.col(j).reshaped(36, 3);
    pixels.rowwise() -= pixels.colwise().mean().eval();
    BOOST_TEST((m * m.transpose() - pixels.transpose() * pixels / 1440.0).norm() < 1e-5);

    const Dataset<double> data(x, {});
    const auto values = values_of(net, data, output(1));
    const auto top = strongest(values, 3);
    BOOST_TEST(top[0].value == net.predict(x).row(1).maxCoeff());
    BOOST_TEST(top[1].value >= top[2].value);
    BOOST_TEST(weakest(values, 1)[0].value == net.predict(x).row(1).minCoeff());
    const auto spread = by_quantile(values, 5);
    BOOST_TEST(spread.front().position == top[0].position);
    BOOST_TEST(spread.back().position == weakest(values, 1)[0].position);
    BOOST_TEST(reconstruction_error(clipped, clipped, x.cwiseAbs()) == 0.0);
}

BOOST_AUTO_TEST_CASE(bad_input_is_named) {
    const auto message = [](auto&& call) { return test::message_of<Error>(call); };
    const Batch<double> x = test::random_batch<double>(4, 5, 2);
    BOOST_TEST(message([&] { GaussianExpert<double>::fit(x.leftCols(0)); }) ==
               "GaussianExpert::fit: samples: got 0, expected 1 or more");
    BOOST_TEST(message([&] { GaussianExpert<double>::fit(x.col(0)); }).find("not positive definite") !=
               std::string::npos);
    BOOST_TEST(message([&] { GaussianMixture<double>({}, {}); }) ==
               "GaussianMixture: parts: got 0, expected 1 or more");
    BOOST_TEST(message([&] { train_rbm(Dense<double>(4, 2), x); }).find("train_rbm: samples: got") == 0U);
    BOOST_TEST(message([&] { train_rbm(Dense<double>(4, 0), x.cwiseAbs()); }).find("train_rbm: hidden") == 0U);
    BOOST_TEST(message([&] { Pyramid<double>({1, 4, 4}, 0); }) == "Pyramid: levels: got 0, expected 1 to 30");
    BOOST_TEST(message([&] { ColourMix<double>({2, 4, 4}); }).find("ColourMix: channels: got 2") == 0U);
    BOOST_TEST(message([&] { maximisation::Range<double>(1, 0); }).find("Range: ends") == 0U);
    BOOST_TEST(message([&] { jitter<double>({1, 4, 4}, 4); }).find("Jitter: output shape: got 1 x 0 x 0") == 0U);
    BOOST_TEST(message([&] { random_scale<double>({1, 4, 4}, {0.0}); }).find("random_scale: factor: got 0") == 0U);
    BOOST_TEST(message([&] {
                   Fourier<double> f({1, 2, 2});
                   typename Fourier<double>::Cache c;
                   Batch<double> y;
                   f.synthesise(x.topRows(3), y, c);
               }) == "Fourier: coefficients: got 3 x 5, expected 4 x 5");
}
