// SPDX-License-Identifier: MIT
// labels: golden
#define BOOST_TEST_MODULE values_file
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <renn/io/save.hpp>
#include <renn/io/save_dataset.hpp>
#include <renn/io/save_optimizer.hpp>
#include <renn/io/save_result.hpp>
#include <renn/network/sequential.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::Dataset;
using renn::FormatError;
using renn::Index;
using renn::MismatchError;
using renn::Moments;
using renn::RetraceResult;
using renn::test::message_of;
using renn::test::ScratchFile;
using renn::test::small_net;

namespace {

template <class S>
bool same(const Dataset<S>& a, const Dataset<S>& b) {
    const auto &x = a.description(), &y = b.description();
    return a.holds_bytes() == b.holds_bytes() && a.pixels() == b.pixels() && a.values() == b.values() &&
           x.labels == y.labels && x.targets == y.targets && x.ids == y.ids && x.tags == y.tags && x.image == y.image &&
           x.class_names == y.class_names && x.classes == y.classes;
}

template <class P>
bool same(const Moments<P>& a, const Moments<P>& b) {
    bool equal = a.step == b.step;
    renn::for_each_block([&](const auto& x, const auto& y) { equal = equal && x == y; }, a.first, b.first);
    renn::for_each_block([&](const auto& x, const auto& y) { equal = equal && x == y; }, a.second, b.second);
    return equal;
}

template <class S = float>
using NetMoments = Moments<typename renn::test::SmallNet<S>::Parameters>;

/// Numbers that a file of today and one of ten years ago must give again: every one exact in binary.
template <class P>
void count_up(P& parameters, double start) {
    renn::for_each_block(
        [&start](auto& block) {
            using S = typename std::remove_cvref_t<decltype(block)>::Scalar;
            for (Index j = 0; j < block.cols(); ++j) {
                for (Index i = 0; i < block.rows(); ++i) block(i, j) = static_cast<S>(start += 0.125);
            }
        },
        parameters);
}

template <class S = float>
NetMoments<S> moments() {
    NetMoments<S> m(small_net<S>().parameters());
    count_up(m.first, -3.0);
    count_up(m.second, 0.0);
    m.step = 1234567890123;
    return m;
}

template <class S = float>
Dataset<S> bytes_data() {
    renn::Bytes pixels(4, 3);
    pixels << 0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255;
    return Dataset<S>(pixels, {.labels = {2, 0, 1},
                               .targets = Batch<S>::Constant(2, 3, S(0.5)),
                               .ids = {30, 10, std::uint64_t{1} << 60},
                               .tags = {"a", "", "\xc3\xa4"},
                               .image = {1, 2, 2},
                               .class_names = {"x", "y", "z"}});
}

RetraceResult small_result(renn::ResultDetail detail = {}) {
    const auto traced = renn::test::small_traced<renn::Sorted>();
    const auto x = renn::test::random_batch<float>(3, 1, 2);
    return renn::result(traced.retrace(x, {.k = 2, .layers = {"dense1", "relu1"}}), detail);
}

template <class T>
std::string outcome(const std::string& path) {
    try {
        if constexpr (requires { T::step; }) {
            NetMoments<> into = moments();
            renn::restore(path, into);
        } else {
            renn::load<T>(path);
        }
    } catch (const renn::Error& e) {
        return e.what();
    }
    return "fine";
}

/// Cut at any length, changed at any byte, and changed under a checksum that fits: an error of ours or a valid value.
template <class T>
void damage(const std::string& content, std::uint32_t scalar_bytes, const T& value) {
    const ScratchFile file;
    renn::save(file.path, value);
    const std::string whole = file.read(), payload = whole.substr(64);
    BOOST_TEST(outcome<T>(file.path) == "fine");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        file.write(whole.substr(0, length));
        BOOST_REQUIRE(outcome<T>(file.path).starts_with("load: " + file.path + ": truncated: got "));
    }
    file.write(whole + "x");
    BOOST_TEST(outcome<T>(file.path).starts_with("load: " + file.path + ": trailing bytes: got "));
    const auto forge = [&](const std::string& bytes) {
        std::filesystem::remove(file.path);  // a new file: some file systems wait for the disk to replace one
        renn::detail::write_frame(file.path, content, scalar_bytes, [&](std::ostream& out) { out << bytes; });
        return outcome<T>(file.path);
    };
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        std::string changed = whole;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
        file.write(changed);
        BOOST_REQUIRE(outcome<T>(file.path).starts_with("load: " + file.path + ": "));
    }
    for (std::size_t i = 64; i < whole.size(); ++i) {
        std::string changed = payload;
        changed[i - 64] = static_cast<char>(i % 2 == 0 ? 0xff : 0x01);
        const std::string what = forge(changed);
        BOOST_REQUIRE((what == "fine" || what.starts_with("load: " + file.path + ": ")));
        BOOST_REQUIRE(forge(payload.substr(0, i - 64)) != "fine");
    }
    BOOST_TEST(forge(payload + "x") == "load: " + file.path + ": damaged: the payload does not end where it should");
    renn::detail::write_frame(file.path, "network", scalar_bytes, [&](std::ostream& out) { out << payload; });
    BOOST_TEST(outcome<T>(file.path) == "load: " + file.path + ": content: got network, expected " + content);
    const std::uint32_t other = 12 - scalar_bytes;
    renn::detail::write_frame(file.path, content, other, [&](std::ostream& out) { out << payload; });
    BOOST_TEST(outcome<T>(file.path) == "load: " + file.path + ": scalar: got float" + std::to_string(8 * other) +
                                            ", expected float" + std::to_string(8 * scalar_bytes));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_data_set_comes_back_as_it_was) {
    const ScratchFile file;
    const auto check = [&file]<class S>(const Dataset<S>& data) {
        renn::save(file.path, data);
        const auto again = renn::load<Dataset<S>>(file.path);
        BOOST_TEST(same(again, data));
        BOOST_TEST((again.inputs() == data.inputs()));
        for (const std::uint64_t id : data.ids()) BOOST_TEST(again.position_of(id) == data.position_of(id));
    };
    check(bytes_data());
    check(bytes_data<double>());
    check(renn::test::small_data());
    check(renn::test::small_data<double>());
    check(Dataset<float>());
    check(Dataset<float>(Batch<float>(3, 0)));
    check(Dataset<float>(Batch<float>::Constant(2, 4, std::numeric_limits<float>::denorm_min())));
    const Dataset<float> three_classes(Batch<float>::Zero(1, 3), {.labels = {0, 1, 2}});
    check(three_classes.first(1));
    BOOST_TEST(renn::load<Dataset<float>>(file.path).classes() == 3);
}

BOOST_AUTO_TEST_CASE(moments_come_back_and_go_on_as_if_never_saved) {
    const auto check = []<class S>(S) {
        const ScratchFile file;
        auto net = small_net<S>(), copy = net;
        NetMoments<S> running(net.parameters()), loaded(net.parameters());
        auto gradient = net.parameters();
        const renn::Adam adam;
        for (int step = 0; step < 3; ++step) adam.update(net.parameters(), gradient, running);
        renn::save(file.path, running);
        renn::restore(file.path, loaded);
        BOOST_TEST(same(loaded, running));
        copy = net;
        adam.update(net.parameters(), gradient, running);
        adam.update(copy.parameters(), gradient, loaded);
        BOOST_TEST(same(loaded, running));
        BOOST_TEST(renn::fingerprint(copy) == renn::fingerprint(net));
    };
    check(1.0f);
    check(1.0);

    const ScratchFile file;  // of the same layers known at run time only
    renn::save(file.path, moments());
    Moments of_sequential(renn::Sequential<float>(small_net()).parameters());
    renn::restore(file.path, of_sequential);
    const ScratchFile again;
    renn::save(again.path, of_sequential);
    BOOST_TEST(again.read() == file.read());
}

BOOST_AUTO_TEST_CASE(moments_of_other_parameters_are_refused_and_the_present_ones_kept) {
    const ScratchFile file;
    renn::save(file.path, moments());
    const auto refused = [&file](auto net, const std::string& what) {
        Moments present(net.parameters());
        present.step = 5;
        BOOST_TEST(message_of<MismatchError>([&] { renn::restore(file.path, present); }) ==
                   "load: " + file.path + ": optimizer: " + what);
        BOOST_TEST(present.step == 5);
    };
    using renn::Dense;
    refused(renn::Network(Dense<float>(3, 5)), "parameter matrices: got 6, expected 2");
    refused(renn::Network(Dense<float>(3, 5), Dense<float>(5, 4), Dense<float>(4, 3)),
            "shape of parameter matrix 4: got 2 x 4, expected 3 x 4");
}

BOOST_AUTO_TEST_CASE(an_answer_as_a_value_says_what_the_answer_says_and_comes_back) {
    const auto traced = renn::test::small_traced<renn::Sorted>();
    const auto x = renn::test::random_batch<float>(3, 1, 2);
    const auto answer = traced.retrace(x, {.k = 3, .post = true});
    const RetraceResult taken = renn::result(answer);
    BOOST_TEST(taken.prediction == answer.prediction());
    BOOST_TEST(taken.evidence == answer.evidence());
    BOOST_TEST((taken.sources == answer.top(100)));
    BOOST_TEST(taken.class_names == (std::vector<std::string>{"left", "right"}), boost::test_tools::per_element());
    BOOST_REQUIRE(taken.layers.size() == answer.layers().size());
    for (std::size_t l = 0; l < taken.layers.size(); ++l) {
        const auto& layer = taken.layers[l];
        BOOST_TEST(layer.name == answer.layers()[l]);
        BOOST_TEST((layer.sources == answer.layer(l).top(20)));
        BOOST_TEST(layer.neurons.size() == answer.layer(l).neurons());
        for (const auto& n : layer.neurons) BOOST_TEST((n.found == answer.neuron(layer.name, n.unit)));
    }
    const ScratchFile file;
    renn::save(file.path, taken);
    BOOST_TEST((renn::load<RetraceResult>(file.path) == taken));
    const RetraceResult brief = renn::result(answer, {.sources = 1, .layer_sources = 0, .neurons = false});
    BOOST_TEST(brief.sources.size() == 1U);
    BOOST_TEST((brief.layers[0].neurons.empty() && brief.layers[0].sources.empty()));
}

BOOST_AUTO_TEST_CASE(damaged_data_sets_are_refused) {
    damage("dataset", 4, bytes_data());
    damage("dataset", 8, renn::test::small_data<double>(2));
}

BOOST_AUTO_TEST_CASE(damaged_moments_are_refused) {
    damage("moments", 4, moments());
}

BOOST_AUTO_TEST_CASE(damaged_answers_are_refused) {
    damage("result", 8, small_result({.sources = 2, .layer_sources = 1}));
}

// Files of format 1, written once and read for ever: see golden/format1/README.md.
namespace {

/// Sums and products of these are exact in any order, so every build computes the same numbers.
struct Golden {
    using Net = renn::Network<renn::Dense<float>, renn::ReLU<float>, renn::Dense<float>>;
    using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted>;

    static Net net() {
        Net net(renn::Dense<float>(2, 3), renn::ReLU<float>(), renn::Dense<float>(3, 2));
        count_up(net.parameters(), -0.5);
        net.rename_all({"hidden", "rectified", "output"});
        return net;
    }
    static Dataset<float> data() {
        Batch<float> x(2, 4);
        x << 0.5f, -1.0f, 2.0f, 0.25f, 1.5f, 4.0f, -0.5f, 0.0f;
        return Dataset<float>(x, {.labels = {0, 1, 1, 0},
                                  .ids = {7, 3, 9000000000000000000U, 5},
                                  .tags = {"a", "b", "c", "\xc3\xa4"},
                                  .class_names = {"left", "right"}});
    }
    static Moments<Net::Parameters> moments() {
        Moments<Net::Parameters> m(net().parameters());
        count_up(m.first, 100.0);
        count_up(m.second, 0.0);
        m.step = 77;
        return m;
    }
    static RetraceResult result() {
        const renn::Source source{9000000000000000000U, 2.5, 0.625, 1, 0};
        const renn::NeuronSources found{-0.75, {{3, -0.5, 0.25}, {7, 0.25, 1.0}}, 1.0, 1, 3, 1, true};
        return {.provenance = {"1.2.3", "Sorted", "share", 2, 0xfedcba9876543210U, "a build", false},
                .prediction = 1,
                .outputs = {0.1, -2.0},
                .class_names = {"left", "right"},
                .votes = 4.0,
                .evidence = {0.375, 0.625},
                .sources = {source},
                .layers = {{"hidden", renn::Kind::pre, 2.0, {0.0, 1.0}, {source}, {{1, found}, {4, {}}}},
                           {"rectified", renn::Kind::post, 0.0, {}, {}, {}}}};
    }
};

/// Where they lie. RENN_WRITE_GOLDEN=1 writes them anew: only ever for a new format, into a folder of its own.
std::string golden_file(const std::string& name) {
    return std::string(RENN_GOLDEN_DEFAULT) + "/format1/" + name + ".renn";
}
template <class T>
void write_golden(const std::string& name, const T& value) {
    const char* wanted = std::getenv("RENN_WRITE_GOLDEN");
    if (wanted != nullptr && *wanted == '1') renn::save(golden_file(name), value);
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_networks_give_the_same_numbers_for_ever) {
    write_golden("network", Golden::net());
    const auto net = renn::load<Golden::Net>(golden_file("network"));
    BOOST_TEST(renn::fingerprint(net) == renn::fingerprint(Golden::net()));
    BOOST_TEST(net.names()[1] == "rectified");
    const Batch<float> y = net.predict(Golden::data().input(0));
    BOOST_TEST(y(0, 0) == 3.375f);
    BOOST_TEST(y(1, 0) == 3.7109375f);
}

BOOST_AUTO_TEST_CASE(golden_recordings_give_the_same_numbers_for_ever) {
    auto traced = renn::trace<renn::Sorted>(Golden::net());
    traced.record(Golden::data(), {.threads = 1});
    write_golden("traced", traced);
    const auto again = renn::load<Golden::Traced>(golden_file("traced"));
    const auto &now = traced.store(), &then = again.store();
    BOOST_TEST((then.points == now.points && then.ids == now.ids && then.labels == now.labels));
    BOOST_TEST((then.predictions == now.predictions && then.tags == now.tags && then.class_names == now.class_names));
    BOOST_TEST((then.outputs == now.outputs && then.fingerprint == now.fingerprint));
    BOOST_TEST(then.points.size() == 3U);
    for (std::uint32_t u = 0; u < 3; ++u) {
        BOOST_TEST(then.values({0, u}) == now.values({0, u}), boost::test_tools::per_element());
    }
    for (const auto& t : {std::cref(traced), std::cref(again)}) {
        const auto answer = t.get().retrace(Golden::data().input(2), {.k = 2});
        const std::vector<renn::Source> expected{
            {9000000000000000000U, 5.0, 0.5, 1, 1}, {5, 4.0, 0.4, 0, 1}, {7, 1.0, 0.1, 0, 1}};
        BOOST_TEST((answer.top(4) == expected));
    }
}

BOOST_AUTO_TEST_CASE(golden_values_are_the_same_for_ever) {
    write_golden("dataset", Golden::data());
    write_golden("pixels", bytes_data());
    write_golden("moments", Golden::moments());
    write_golden("result", Golden::result());
    BOOST_TEST(same(renn::load<Dataset<float>>(golden_file("dataset")), Golden::data()));
    BOOST_TEST(same(renn::load<Dataset<float>>(golden_file("pixels")), bytes_data()));
    Moments moments(Golden::net().parameters());
    renn::restore(golden_file("moments"), moments);
    BOOST_TEST(same(moments, Golden::moments()));
    BOOST_TEST((renn::load<RetraceResult>(golden_file("result")) == Golden::result()));
}
