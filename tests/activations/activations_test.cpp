// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE activations
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include <renn/activations/elu.hpp>
#include <renn/activations/gelu.hpp>
#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/leaky_softplus.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/silu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/softplus.hpp>
#include <renn/activations/tanh.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/run.hpp"

using renn::Batch;
using renn::DataError;
using renn::Index;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::run;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Value, slope and curvature as the passes compute them.
template <class S>
struct Shape {
    Batch<S> value, slope, curvature;
};
template <class L>
Shape<typename L::Scalar> shape(const L& layer, const Batch<typename L::Scalar>& x) {
    using S = typename L::Scalar;
    typename L::Cache cache;
    renn::NotWanted none;
    const Batch<S> one = Batch<S>::Ones(x.rows(), x.cols()), zero = Batch<S>::Zero(x.rows(), x.cols());
    Shape<S> of{run(layer, x), {}, {}};
    layer.tangent(layer.parameters(), none, x, one, of.value, cache, of.slope);
    layer.backward_tangent(layer.parameters(), none, x, one, of.value, cache, one, zero, of.curvature, none);
    return of;
}

/// Largest |got - expected| over [-30, 30] and far out, in units of epsilon max(|expected|, floor), with expected in
/// long double from the standard library. Of the value, the slope and the curvature.
struct Errors {
    double value = 0, slope = 0, curvature = 0;
};
template <class L, class F>
Errors errors(const L& layer, F&& expected) {
    using S = typename L::Scalar;
    Errors worst;
    const auto note = [](double& so_far, S got, long double wanted, long double floor) {
        const long double unit = std::numeric_limits<S>::epsilon() * std::max(std::abs(wanted), floor);
        const auto error = static_cast<double>(std::abs(static_cast<long double>(got) - wanted) / unit);
        if (!(error <= so_far)) so_far = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    };
    Batch<S> x(1209, 1);
    for (Index i = 0; i < 1200; ++i) x(i, 0) = S(0.05) * static_cast<S>(i - 600) + S(0.001);
    x.bottomRows(9) << S(-1e4), S(1e4), S(-100), S(100), S(-1e-4), S(1e-4), S(-1e-20), S(1e-20), S(0);
    const Shape<S> got = shape(layer, x);
    for (Index i = 0; i < x.size(); ++i) {
        const auto [value, slope, curvature] = expected(static_cast<long double>(x(i, 0)));
        note(worst.value, got.value(i, 0), value, 1e-3L);
        note(worst.slope, got.slope(i, 0), slope, 1);
        note(worst.curvature, got.curvature(i, 0), curvature, 1);
    }
    return worst;
}

/// Every value at every place of a batch, so that it goes through packets and through what is left over.
template <class L>
void require_everywhere(const L& layer, typename L::Scalar in, typename L::Scalar out) {
    using S = typename L::Scalar;
    for (Index n = 1; n <= 19; ++n) {
        const Batch<S> y = run(layer, Batch<S>::Constant(n, 1, in));
        BOOST_REQUIRE(same_bits(y, Batch<S>(Batch<S>::Constant(n, 1, out))));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(relu_keeps_nan_and_makes_minus_zero_plus_zero, S, Scalars) {
    constexpr S nan = std::numeric_limits<S>::quiet_NaN();
    constexpr S infinity = std::numeric_limits<S>::infinity();
    constexpr S smallest = std::numeric_limits<S>::denorm_min();
    const renn::ReLU<S> relu;
    require_everywhere(relu, S(-0.0), S(0));
    require_everywhere(relu, S(0), S(0));
    require_everywhere(relu, S(-3), S(0));
    require_everywhere(relu, S(3), S(3));
    require_everywhere(relu, smallest, smallest);
    require_everywhere(relu, -smallest, S(0));
    require_everywhere(relu, infinity, infinity);
    require_everywhere(relu, -infinity, S(0));
    for (Index n = 1; n <= 19; ++n) BOOST_TEST(run(relu, Batch<S>::Constant(n, 1, nan)).array().isNaN().all());
    BOOST_TEST(relu.slope(S(0), S(0)) == S(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(leaky_relu_leaks_and_keeps_nan, S, Scalars) {
    const renn::LeakyReLU<S> leaky(S(0.25));
    require_everywhere(leaky, S(-4), S(-1));
    require_everywhere(leaky, S(4), S(4));
    require_everywhere(leaky, S(0), S(0));
    const S nan = std::numeric_limits<S>::quiet_NaN();
    for (Index n = 1; n <= 19; ++n) BOOST_TEST(run(leaky, Batch<S>::Constant(n, 1, nan)).array().isNaN().all());
    BOOST_TEST(message_of<DataError>([nan] { renn::LeakyReLU<S> refused(nan); }) ==
               "LeakyReLU: leak: got nan, expected a finite value");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sigmoid_and_tanh_agree_with_the_standard_library_and_saturate, S, Scalars) {
    constexpr S close = 8 * std::numeric_limits<S>::epsilon();
    const Batch<S> x = random_batch<S>(201, 1, 1) * S(9);
    const Batch<S> sigmoid = run(renn::Sigmoid<S>(), x);
    const Batch<S> tanh = run(renn::Tanh<S>(), x);
    for (Index i = 0; i < x.size(); ++i) {
        BOOST_TEST(std::abs(sigmoid(i, 0) * (S(1) + std::exp(-x(i, 0))) - S(1)) < close);
        BOOST_TEST(std::abs(tanh(i, 0) - std::tanh(x(i, 0))) < close);
    }
    for (const S far : {S(80), S(700), std::numeric_limits<S>::max(), std::numeric_limits<S>::infinity()}) {
        require_everywhere(renn::Sigmoid<S>(), far, S(1));
        require_everywhere(renn::Tanh<S>(), far, S(1));
        require_everywhere(renn::Tanh<S>(), -far, S(-1));
        BOOST_TEST(run(renn::Sigmoid<S>(), Batch<S>::Constant(9, 1, -far)).maxCoeff() < S(1e-30));
        BOOST_TEST(run(renn::Sigmoid<S>(), Batch<S>::Constant(9, 1, -far)).minCoeff() >= S(0));
    }
    BOOST_TEST(run(renn::Sigmoid<S>(), Batch<S>::Zero(3, 1))(2, 0) == S(0.5));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(smooth_activations_agree_with_their_formulas_in_long_double, S, Scalars) {
    using R = long double;
    struct Wanted {
        R value, slope, curvature;
    };
    const auto logistic = [](R x) { return 1 / (1 + std::exp(-x)); };
    const auto require = [](const char* what, const Errors& e, double value, double slope, double curvature) {
        BOOST_TEST(e.value <= value, what << " value: " << e.value << " units");
        BOOST_TEST(e.slope <= slope, what << " slope: " << e.slope << " units");
        BOOST_TEST(e.curvature <= curvature, what << " curvature: " << e.curvature << " units");
    };
    // x f(w) with f logistic: SiLU and the tanh form of GELU.
    const auto gate = [&](R x, R w, R w1, R w2) {
        const R s = logistic(w), s1 = s * logistic(-w);
        return Wanted{x * s, s + x * s1 * w1, 2 * s1 * w1 + x * s1 * ((1 - 2 * s) * w1 * w1 + w2)};
    };
    require("SiLU", errors(renn::SiLU<S>(), [&](R x) { return gate(x, x, 1, 0); }), 8, 8, 8);
    constexpr R c = 2 * std::numbers::sqrt2_v<R> * std::numbers::inv_sqrtpi_v<R>, a = 0.044715L;
    require("GELUTanh",
            errors(renn::GELUTanh<S>(),
                   [&](R x) { return gate(x, c * (x + a * x * x * x), c * (1 + 3 * a * x * x), c * 6 * a * x); }),
            16, 16, 32);
    require("GELU",
            errors(renn::GELU<S>(),
                   [](R x) {
                       const R density =
                           std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<R> / std::numbers::sqrt2_v<R>;
                       const R below = std::erfc(-x / std::numbers::sqrt2_v<R>) / 2;
                       return Wanted{x * below, below + x * density, density * (2 - x * x)};
                   }),
            8, 8, 8);
    for (const S beta : {S(1), S(0.5), S(4)}) {
        require(
            "Softplus",
            errors(renn::Softplus<S>(beta),
                   [&](R x) {
                       const R u = beta * x;
                       if (u > 20) return Wanted{x, 1, 0};
                       return Wanted{std::log1p(std::exp(u)) / beta, logistic(u), beta * logistic(u) * logistic(-u)};
                   }),
            8, 8, 8);
    }
    for (const S leak : {S(0), S(-0.5)}) {  // with a leak above 0 the value crosses 0, where no number of units holds
        require("LeakySoftplus",
                errors(renn::LeakySoftplus<S>(leak, S(3)),
                       [&](R x) {
                           const R u = 3 * x, all = R(1) - leak, rest = std::log1p(std::exp(-std::abs(u))) / 3;
                           return Wanted{(x > 0 ? x : leak * x) + all * rest, leak + all * logistic(u),
                                         all * 3 * logistic(u) * logistic(-u)};
                       }),
                8, 8, 8);
    }
    for (const S alpha : {S(1), S(0.3)}) {
        require("ELU",
                errors(renn::ELU<S>(alpha),
                       [&](R x) {
                           const R grown = alpha * std::exp(x);
                           return x > 0 ? Wanted{x, 1, 0} : Wanted{alpha * std::expm1(x), grown, grown};
                       }),
                8, 8, 8);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(smooth_activations_take_infinity_as_a_limit_and_keep_nan, S, Scalars) {
    constexpr S infinity = std::numeric_limits<S>::infinity();
    constexpr S nan = std::numeric_limits<S>::quiet_NaN();
    const auto check = [](const auto& layer, S lowest) {
        const auto of = [&layer](S x) { return shape(layer, Batch<S>::Constant(9, 1, x)); };
        for (const S far : {S(1e4), std::numeric_limits<S>::max(), std::numeric_limits<S>::infinity()}) {
            const Shape<S> high = of(far), low = of(-far);
            BOOST_TEST((high.value.array() == far).all(), layer.describe());
            BOOST_TEST(((low.value.array() - lowest).abs() <= S(1e-36)).all(), layer.describe());
            BOOST_TEST(((high.slope.array() - S(1)).abs() <= S(1e-30)).all(), layer.describe());
            BOOST_TEST((low.slope.array().abs() <= S(1e-30)).all(), layer.describe());
            BOOST_TEST((high.curvature.array().abs() <= S(1e-30)).all(), layer.describe());
            BOOST_TEST((low.curvature.array().abs() <= S(1e-30)).all(), layer.describe());
        }
        const Shape<S> lost = of(std::numeric_limits<S>::quiet_NaN());
        BOOST_TEST(lost.value.array().isNaN().all(), layer.describe());
        BOOST_TEST(lost.slope.array().isNaN().all(), layer.describe());
    };
    check(renn::GELU<S>(), 0);
    check(renn::GELUTanh<S>(), 0);
    check(renn::SiLU<S>(), 0);
    check(renn::Softplus<S>(), 0);
    check(renn::Softplus<S>(S(3), S(-2)), 0);
    check(renn::ELU<S>(S(0.3)), S(-0.3));
    const auto refused = [](S beta, S threshold) {
        return message_of<DataError>([&] { renn::Softplus<S> never(beta, threshold); });
    };
    for (const S beta : {S(0), S(-1), infinity, nan}) {
        BOOST_TEST(refused(beta, S(20)) ==
                   "Softplus: beta: got " + std::to_string(beta) + ", expected a finite value above 0");
    }
    BOOST_TEST(refused(S(1), nan) == "Softplus: threshold: got nan, expected a finite value");
    for (const S far : {S(1e4), infinity}) {
        const renn::LeakySoftplus<S> leaky(S(0.25), S(2));
        const auto high = shape(leaky, Batch<S>::Constant(9, 1, far)),
                   low = shape(leaky, Batch<S>::Constant(9, 1, -far));
        BOOST_TEST(((high.value.array() == far).all() && (low.value.array() == -far / 4).all()));
        BOOST_TEST(((high.slope.array() == S(1)).all() && (low.slope.array() == S(0.25)).all()));
        BOOST_TEST((high.curvature.isZero(S(0)) && low.curvature.isZero(S(1e-30))));
    }
    BOOST_TEST(shape(renn::LeakySoftplus<S>(), Batch<S>::Constant(9, 1, nan)).value.array().isNaN().all());
    BOOST_TEST(message_of<DataError>([] { renn::LeakySoftplus<S> never(nan); }) ==
               "LeakySoftplus: leak: got nan, expected a finite value");
    BOOST_TEST(message_of<DataError>([] { renn::LeakySoftplus<S> never(S(0.1), S(0)); }) ==
               "LeakySoftplus: beta: got " + std::to_string(S(0)) + ", expected a finite value above 0");
    BOOST_TEST(message_of<DataError>([] { renn::ELU<S> never(infinity); }) ==
               "ELU: alpha: got inf, expected a finite value");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(softmax_is_a_probability_that_does_not_see_a_shift, S, Scalars) {
    const renn::Softmax<S> softmax;
    Batch<S> x(3, 3);
    x << 0, 1000, -1000,  //
        std::log(S(2)), 1000, -1000, std::log(S(5)), 1000, std::numeric_limits<S>::lowest() / 4;
    const Batch<S> y = run(softmax, x);
    BOOST_TEST(std::abs(y(0, 0) - S(0.125)) < std::numeric_limits<S>::epsilon());
    BOOST_TEST(std::abs(y(1, 0) - S(0.25)) < std::numeric_limits<S>::epsilon());
    BOOST_TEST(std::abs(y(2, 0) - S(0.625)) < std::numeric_limits<S>::epsilon());
    BOOST_TEST((y.col(1).array() == y(0, 1)).all());
    BOOST_TEST(y(0, 2) == S(0.5));
    BOOST_TEST(y(2, 2) < S(1e-30));
    BOOST_TEST((run(softmax, random_batch<S>(1, 4, 1)) == Batch<S>::Ones(1, 4)));
    const Batch<S> many = run(softmax, random_batch<S>(67, 20, 2) * S(6));
    for (Index j = 0; j < 20; ++j)
        BOOST_TEST(std::abs(many.col(j).sum() - S(1)) < 20 * std::numeric_limits<S>::epsilon());

    Batch<S> bad = Batch<S>::Zero(5, 2);
    bad(3, 1) = std::numeric_limits<S>::quiet_NaN();
    const Batch<S> seen = run(softmax, bad);
    BOOST_TEST(seen.col(1).array().isNaN().all());
    BOOST_TEST(!seen.col(0).array().isNaN().any());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(identity_keeps_every_bit, S, Scalars) {
    require_everywhere(renn::Identity<S>(), S(-0.0), S(-0.0));
    require_everywhere(renn::Identity<S>(), std::numeric_limits<S>::quiet_NaN(), std::numeric_limits<S>::quiet_NaN());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stored_value_is_recomputed_with_the_same_bits, S, Scalars) {
    // Recording keeps pre-activations unit by unit, so they come back in another order and at other places.
    const Batch<S> x = random_batch<S>(23, 41, 1) * S(4);
    const Batch<S> by_unit = x.transpose();
    const auto check = [&](const auto& layer) {
        const Batch<S> y = run(layer, x);
        Batch<S> again(41, 23);
        for (Index unit = 0; unit < 23; ++unit) layer.apply(by_unit.col(unit).data(), again.col(unit).data(), 41);
        BOOST_TEST(same_bits(Batch<S>(again.transpose()), y), std::string(layer.name));
    };
    check(renn::ReLU<S>());
    check(renn::LeakyReLU<S>());
    check(renn::Sigmoid<S>());
    check(renn::Tanh<S>());
    check(renn::Identity<S>());
    check(renn::GELU<S>());
    check(renn::GELUTanh<S>());
    check(renn::SiLU<S>());
    check(renn::Softplus<S>());
    check(renn::LeakySoftplus<S>());
    check(renn::ELU<S>());
}
