// SPDX-License-Identifier: MIT
// Units of any network, or of foreign code, are held at values without touching a weight.
#define BOOST_TEST_MODULE mask
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/basic_sequential.hpp>
#include <renn/network/mask.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/masked_foreign.hpp>
#include <renn/training/evaluate.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::Concatenate;
using renn::DataError;
using renn::Dataset;
using renn::Dense;
using renn::Index;
using renn::Mask;
using renn::Masked;
using renn::Network;
using renn::ReLU;
using renn::Residual;
using renn::test::random_batch;
using renn::test::says;

namespace {

template <class S>
auto small() {
    return Network(Dense<S>(5, 6, 1), ReLU<S>(), Dense<S>(6, 3, 2));
}

auto nested() {
    using D = Dense<double>;
    using R = ReLU<double>;
    return Network(D(5, 6, 1), R(), Residual(Network(D(6, 4, 2), R(), D(4, 6, 3))),
                   Concatenate(Network(D(6, 3, 4), R()), Network(D(6, 2, 5))), D(5, 3, 6));
}

/// The small network by hand, with units of its hidden layer at values of ours.
Batch<double> by_hand(const Batch<double>& x, const std::vector<Index>& units, double value) {
    const auto net = small<double>();
    const auto& first = net.layer<0>();
    Batch<double> h = renn::activations(net, x)["relu1"];
    BOOST_REQUIRE(first.out_features() == h.rows());
    for (const Index u : units) h.row(u).setConstant(value);
    return Network(Dense<double>(6, 3, 2)).predict(h);
}

/// 6 samples of 2 classes of the small network.
template <class S>
Dataset<S> data() {
    return Dataset<S>(random_batch<S>(5, 6, 7), {.labels = {0, 1, 0, 1, 0, 1}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_empty_mask_changes_no_bit_and_is_the_same_network) {
    const auto check = [](const auto& net) {
        using S = typename std::remove_cvref_t<decltype(net)>::Scalar;
        const Batch<S> x = random_batch<S>(5, 9, 3);
        const auto unmasked = renn::masked(net, {});
        BOOST_TEST((unmasked.predict(x).array() == net.predict(x).array()).all());
        BOOST_TEST(renn::fingerprint(unmasked) == renn::fingerprint(net));
        BOOST_TEST(unmasked.predict(x.leftCols(0)).cols() == 0);
    };
    check(small<float>());
    check(small<double>());
    check(nested());
}

BOOST_AUTO_TEST_CASE(units_are_held_and_everything_after_follows) {
    const Batch<double> x = random_batch<double>(5, 9, 3);
    const auto net = small<double>();
    auto off = renn::masked(net, {{.layer = "relu1", .units = {4, 1}}});
    BOOST_TEST((off.predict(x).array() == by_hand(x, {1, 4}, 0.0).array()).all());
    BOOST_TEST((off.network().predict(x).array() == net.predict(x).array()).all());
    BOOST_TEST(renn::fingerprint(off) != renn::fingerprint(net));

    off.set_mask({{.layer = "relu1", .units = {2}, .values = {0.75}}});
    BOOST_TEST((off.predict(x).array() == by_hand(x, {2}, 0.75).array()).all());
    off.set_mask({{.layer = "dense1", .units = {2}, .values = {0.75}}});  // before the ReLU: the same
    BOOST_TEST((off.predict(x).array() == by_hand(x, {2}, 0.75).array()).all());
    off.set_mask({{.layer = "dense1", .units = {2}, .values = {-0.75}}, {.layer = "relu1", .units = {0}}});
    BOOST_TEST((off.predict(x).array() == by_hand(x, {0, 2}, 0.0).array()).all());
    BOOST_TEST(renn::describe(off.mask()) == "dense1: 2 = -0.75; relu1: 0");

    Batch<double> target = Batch<double>::Constant(3, 9, 7.0);
    off.set_mask({{.layer = "dense2", .units = {0, 1, 2}, .values = {7.0, 7.0, 7.0}}});  // the output itself
    BOOST_TEST((off.predict(x).array() == target.array()).all());
}

BOOST_AUTO_TEST_CASE(walks_into_nested_networks_and_the_same_in_a_run_time_network) {
    const Batch<double> x = random_batch<double>(5, 4, 3);
    const Mask mask{{.layer = "residual1/relu1", .units = {0, 3}, .values = {0.5, 0.0}},
                    {.layer = "residual1", .units = {5}, .values = {-1.0}},
                    {.layer = "concatenate1/branch2/dense1", .units = {1}, .values = {2.0}},
                    {.layer = "concatenate1", .units = {0}}};
    const auto net = nested();
    const auto held = renn::masked(net, mask);
    const auto values = renn::activations(held, x);
    BOOST_TEST((values["residual1/relu1"].row(0).array() == 0.5).all());
    BOOST_TEST((values["residual1/relu1"].row(3).array() == 0.0).all());
    BOOST_TEST((values["concatenate1/branch2/dense1"].row(1).array() == 2.0).all());
    // What comes behind: the last layer of what the two branches say, stacked, with unit 0 at 0.
    Batch<double> stacked(5, 4);
    stacked << values["concatenate1/branch1/relu1"], values["concatenate1/branch2/dense1"];
    stacked.row(0).setZero();
    BOOST_TEST((held.predict(x).array() == Network(Dense<double>(5, 3, 6)).predict(stacked).array()).all());

    const renn::BasicSequential<double, Dense<double>, ReLU<double>> same(net);
    BOOST_TEST((renn::masked(same, mask).predict(x).array() == held.predict(x).array()).all());
    // A masked network is a layer: the same mask inside another network.
    const Network outer(renn::masked(net, mask), ReLU<double>());
    BOOST_TEST((outer.predict(x).array() == held.predict(x).cwiseMax(0.0).array()).all());
    const auto both = renn::masked(outer, {{.layer = "masked1/relu1", .units = {0}}});
    auto twice = mask;
    twice.push_back({.layer = "relu1", .units = {0}});
    BOOST_TEST((both.predict(x).array() == renn::masked(net, twice).predict(x).cwiseMax(0.0).array()).all());
}

BOOST_AUTO_TEST_CASE(stands_wherever_a_network_is_evaluated_or_traced) {
    const auto samples = data<float>();
    const auto net = small<float>();
    const auto off = renn::masked(net, {{.layer = "relu1", .units = {1}}});
    const Batch<float> y = off.predict(samples.inputs());
    Index right = 0;
    for (Index j = 0; j < 6; ++j) right += renn::predicted_class(y.col(j)) == samples.label(j);
    BOOST_TEST(renn::evaluate(off, samples).accuracy == static_cast<double>(right) / 6.0);

    auto traced = renn::trace<renn::Sorted>(off);
    BOOST_REQUIRE(traced.record(samples));
    const auto answer = traced.retrace(samples.input(2), {.k = 1, .post = true});
    BOOST_TEST(answer.top(1).front().id == 2U);
    // Held values are what is recorded, though a ReLU's are else worked out from those before it.
    const auto& store = traced.store();
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (store.points[p].name != "relu1") continue;
        BOOST_REQUIRE(store.points[p].stored());
        for (Index s = 0; s < 6; ++s) BOOST_TEST(store.value({p, 1}, 0, s) == 0.0F);
    }
    BOOST_CHECK_EXCEPTION(renn::trace<renn::Sorted>(net).restore(store), renn::MismatchError,
                          says("recorded with another network"));
}

BOOST_AUTO_TEST_CASE(channels_are_all_positions_of_an_image) {
    const Network net(renn::Conv2d<double>({1, 4, 5}, {.channels = 3, .kernel = 3}, 1), ReLU<double>());
    const auto off = renn::masked(net, {{.layer = "relu1", .units = {1}, .positions = 6}});
    const Batch<double> x = random_batch<double>(20, 3, 4), y = off.predict(x), all = net.predict(x);
    BOOST_TEST((y.middleRows(6, 6).array() == 0.0).all());
    BOOST_TEST((y.topRows(6).array() == all.topRows(6).array()).all());
    BOOST_TEST((y.bottomRows(6).array() == all.bottomRows(6).array()).all());
    BOOST_CHECK_EXCEPTION(renn::masked(net, {{.layer = "relu1", .units = {3}, .positions = 6}}), DataError,
                          says("mask: unit of \"relu1\": got 3, expected below 3, as it has 18 values of 6 a unit"));
}

BOOST_AUTO_TEST_CASE(foreign_code_that_reports_what_it_goes_on_with) {
    const auto net = small<double>();
    const auto run = [net](const auto& x, auto& probe) {
        Batch<double> h = net.predict(x);  // any matrix of theirs
        probe.pre("scores", h);
        const Batch<double> fixed = 2.0 * h;
        probe.post("twice", fixed);
        return fixed;
    };
    const renn::Foreign<double, decltype(run)> model(run);
    const auto samples = data<double>();
    const auto values = renn::activations(renn::masked(model, {{.layer = "scores", .units = {1}}}), samples.inputs());
    BOOST_TEST((values.output().row(1).array() == 0.0).all());
    BOOST_TEST((values.output().row(0).array() == 2.0 * net.predict(samples.inputs()).row(0).array()).all());
    const auto with = [&](const Mask& mask) { return renn::activations(renn::masked(model, mask), samples.inputs()); };
    BOOST_CHECK_EXCEPTION(with({{.layer = "twice", .units = {1}}}), DataError,
                          says("mask: probe \"twice\": got values that cannot be changed"));
    BOOST_CHECK_EXCEPTION(with({{.layer = "score", .units = {1}}}), DataError,
                          says("mask: layer: got \"score\", expected one of scores, twice"));
    BOOST_CHECK_EXCEPTION(with({{.layer = "scores", .units = {3}}}), DataError,
                          says("mask: unit of \"scores\": got 3, expected below 3"));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_named) {
    const auto refuses = [](Mask mask, const std::string& text) {
        auto off = renn::masked(nested(), {{.layer = "relu1", .units = {1}}});
        BOOST_CHECK_EXCEPTION(off.set_mask(std::move(mask)), DataError, says(text));
        BOOST_TEST(renn::describe(off.mask()) == "relu1: 1");  // as before
    };
    refuses({{.layer = "relu9", .units = {0}}}, "mask: layer: got \"relu9\", expected one of dense1, relu1, residual1");
    refuses({{.layer = "concatenate1/branch1", .units = {0}}}, "mask: layer: got \"concatenate1/branch1\"");
    refuses({{.layer = "relu1", .units = {6}}}, "mask: unit of \"relu1\": got 6, expected below 6");
    refuses({{.layer = "relu1", .units = {2, 2}}}, "mask: units of \"relu1\": got 2 twice, expected each unit once");
    refuses({{.layer = "relu1", .units = {2}}, {.layer = "relu1", .units = {2}}}, "got 2 twice");
    refuses({{.layer = "relu1", .units = {2}, .values = {1.0, 2.0}}}, "values for units of \"relu1\": got 2");
    refuses({{.layer = "relu1", .units = {2}, .values = {NAN}}}, "got NaN or infinite");
    refuses({{.layer = "relu1", .units = {2}, .positions = 0}}, "mask: positions: got 0, expected 1 or more");
    refuses({{.layer = "relu1", .units = {0}, .positions = 4}}, "as it has 6 values of 4 a unit");
    // Without a known input width, units are checked in the first pass.
    const auto any = renn::masked(Network(ReLU<float>()), {{.layer = "relu1", .units = {3}}});
    BOOST_TEST(any.predict(Batch<float>::Ones(4, 1))(3, 0) == 0.0F);
    BOOST_CHECK_EXCEPTION(any.predict(Batch<float>::Ones(3, 1)), DataError, says("got 3, expected below 3"));
}
