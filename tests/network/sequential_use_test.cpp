// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE sequential_use
#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>
#include <vector>

#include <renn/io/save.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/network/sequential.hpp>
#include <renn/network/summary.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/training/fit.hpp>

#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::Batch, renn::BatchNorm1d, renn::Channels, renn::Conv2d, renn::Dataset, renn::Dense, renn::Dropout,
    renn::Flatten, renn::MaxPool2d, renn::Network, renn::ReLU, renn::Residual, renn::Sequential,
    renn::test::random_batch;

namespace {

auto make() {
    return Network(Conv2d<float>({1, 6, 6}, {.channels = 3, .kernel = 3, .padding = 1}, 1), ReLU<float>(),
                   MaxPool2d<float>({3, 6, 6}), Flatten<float>(), Dense<float>(27, 8, 2), BatchNorm1d<float>(8),
                   Residual(Network(Dense<float>(8, 8, 3), ReLU<float>())), Dropout<float>(0.2), Dense<float>(8, 3, 4));
}

Dataset<float> digits() {
    const Batch<float> x = random_batch<float>(36, 90, 5);
    std::vector<std::int32_t> labels(90);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 3);
    return Dataset<float>(x, {.labels = labels});
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_learns_the_same_bits_and_its_running_statistics) {
    auto net = make();
    Sequential<float> same(net);
    const auto data = digits();
    const renn::FitOptions options{.epochs = 3, .batch = 16, .frozen = {"dense2"}, .seed = 3};
    const auto before = renn::fingerprint(net);
    const auto wanted = renn::fit(net, data, options), got = renn::fit(same, data, options);
    BOOST_TEST(renn::fingerprint(net) != before);
    BOOST_TEST(renn::fingerprint(same) == renn::fingerprint(net));
    BOOST_TEST(got.epochs.back().loss == wanted.epochs.back().loss);
    BOOST_TEST(net.layer<5>().running_mean().cwiseAbs().maxCoeff() > 0.0F);
    BOOST_TEST(same.mixes_samples());
}

BOOST_AUTO_TEST_CASE(it_is_traced_and_answers_as_the_network_does) {
    const auto net = make();
    const auto data = digits();
    const renn::Selection selection{.channels = {Channels{.height = 2, .width = 2}}};
    auto one = renn::trace(net, selection);
    auto two = renn::trace(Sequential<float>(net), selection);
    one.record(data);
    two.record(data);
    BOOST_TEST((one.store().points == two.store().points));
    BOOST_TEST(one.store().points[0].text() == "conv2d1 (pre-activation)");
    BOOST_TEST(one.store().points[0].dimensions() == 4);
    const renn::RetraceOptions options{.k = 5, .post = true};
    const auto wanted = one.retrace(data.input(7), options);
    BOOST_TEST(two.retrace(data.input(7), options).dense() == wanted.dense(), boost::test_tools::per_element());
    BOOST_TEST(wanted.top(1)[0].id == 7u);

    const renn::test::ScratchFile file;
    renn::save(file.path, one);  // a network's file is a sequential's as well
    const auto loaded = renn::load<decltype(two)>(file.path);
    BOOST_TEST(loaded.retrace(data.input(7), options).dense() == wanted.dense(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_summary_tells_what_is_recorded) {
    const auto net = make();
    std::ostringstream first, second;
    first << renn::summary(net);
    second << renn::summary(Sequential<float>(net));
    BOOST_TEST(first.str() == second.str());
    BOOST_TEST(first.str().find("conv2d1") != std::string::npos);
    BOOST_TEST(first.str().find("3 x 6 x 6") != std::string::npos);
    const renn::Summary table = renn::summary(net);
    BOOST_TEST(table.parameters() == renn::parameter_count(net.parameters()));
    auto traced = renn::trace(net);
    traced.record(digits());
    BOOST_TEST(table.store_bytes() * 90 == static_cast<renn::Index>(traced.store().bytes()));
    std::ostringstream unknown;
    unknown << renn::summary(Network(ReLU<float>()));
    BOOST_TEST(unknown.str().find('?') != std::string::npos);
}
