// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE activations
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>

#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::DataError;
using renn::Index;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class L>
Batch<typename L::Scalar> run(const L& layer, const Batch<typename L::Scalar>& x) {
    typename L::Cache cache;
    Batch<typename L::Scalar> y;
    layer.forward(layer.parameters(), x, y, cache, {});
    return y;
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
}
