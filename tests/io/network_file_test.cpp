// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE network_file
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <sstream>
#include <string>

#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/io/save.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::Batch;
using renn::Column;
using renn::Dense;
using renn::FormatError;
using renn::LeakyReLU;
using renn::MismatchError;
using renn::Network;
using renn::ReLU;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using renn::test::ScratchFile;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class Net>
void check_same(const Net& got, const Net& wanted, renn::Index features) {
    const auto x = random_batch<typename Net::Scalar>(features, 9, 3);
    BOOST_TEST(same_bits(got.predict(x), wanted.predict(x)));
    BOOST_TEST(renn::fingerprint(got) == renn::fingerprint(wanted));
    BOOST_TEST(got.describe() == wanted.describe());
    BOOST_TEST(got.names() == wanted.names(), boost::test_tools::per_element());
}

template <class Net>
Net through_file(const Net& net) {
    const ScratchFile file;
    renn::save(file.path, net);
    return renn::load<Net>(file.path);
}

template <class S>
auto every_layer() {
    Column<S> mean(6), scale(6);
    mean << S(0.1), S(-2), S(3), S(0), S(1e-3), S(7);
    scale << S(1), S(0.5), S(3), S(-2), S(1), S(10);
    return Network(renn::Flatten<S>(), renn::Standardize<S>(mean, scale), Dense<S>(6, 5, 1), LeakyReLU<S>(S(0.07)),
                   renn::Dropout<S>(0.25), Dense<S>(5, 4, 2), renn::Sigmoid<S>(), Dense<S>(4, 4, 3), renn::Tanh<S>(),
                   renn::Identity<S>(), Dense<S>(4, 3, 4), ReLU<S>(), renn::Softmax<S>());
}

/// A layer from outside the library, with constants and parameters of its own.
template <class S>
class Scale {
public:
    using Scalar = S;
    using Cache = renn::NoCache;
    static constexpr std::string_view name = "Scale";
    struct Parameters {
        Column<S> factor;
        auto blocks() noexcept { return std::tie(factor); }
        auto blocks() const noexcept { return std::tie(factor); }
    };

    explicit Scale(S offset = S(0), Column<S> factor = {}) : offset_(offset), parameters_{std::move(factor)} {}
    const Parameters& parameters() const noexcept { return parameters_; }
    void forward(const Parameters& w, const renn::BatchView<S>& x, Batch<S>& y, Cache&, const renn::Pass&) const {
        y = (w.factor.asDiagonal() * x).array() + offset_;
    }
    auto constants() noexcept { return std::tie(offset_); }
    auto constants() const noexcept { return std::tie(offset_); }
    static void check() {}
    std::string describe() const { return "Scale"; }

private:
    S offset_;
    Parameters parameters_;
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_layer_comes_back_with_its_constants_names_and_bits, S, Scalars) {
    auto net = every_layer<S>();
    net.rename(2, "first");
    net.rename(12, "probabilities");
    const auto loaded = through_file(net);
    check_same(loaded, net, 6);
    BOOST_TEST(loaded.template layer<3>().leak() == S(0.07));
    BOOST_TEST(loaded.template layer<4>().rate() == 0.25);
    BOOST_TEST(same_bits(loaded.template layer<1>().mean(), net.template layer<1>().mean()));
    BOOST_TEST(same_bits(loaded.template layer<1>().scale(), net.template layer<1>().scale()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sizes_in_the_type_and_at_run_time_read_each_others_files, S, Scalars) {
    const Network fixed(Dense<S, 4, 3>(1), ReLU<S>(), Dense<S, 3, 2>(2));
    const Network free(Dense<S>(4, 3, 1), ReLU<S>(), Dense<S>(3, 2, 2));
    check_same(through_file(fixed), fixed, 4);
    check_same(through_file(free), free, 4);
    const ScratchFile file;
    renn::save(file.path, fixed);
    check_same(renn::load<std::remove_const_t<decltype(free)>>(file.path), free, 4);
    renn::save(file.path, free);
    check_same(renn::load<std::remove_const_t<decltype(fixed)>>(file.path), fixed, 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nested_networks_come_back_with_inner_names, S, Scalars) {
    Network inner(Dense<S>(3, 3, 5), LeakyReLU<S>(S(0.2)));
    inner.rename(0, "core");
    Network net(Dense<S>(4, 3, 4), inner, Network(Network(renn::Tanh<S>(), Dense<S>(3, 2, 6))));
    net.rename(1, "block");
    const auto loaded = through_file(net);
    check_same(loaded, net, 4);
    BOOST_TEST(loaded.template layer<1>().names()[0] == "core");
    BOOST_TEST((loaded.template layer<1>().template layer<1>().leak() == S(0.2)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_users_layer_comes_back_with_constants_and_parameters, S, Scalars) {
    const Network net(Dense<S>(4, 3, 4), Scale<S>(S(0.5), random_batch<S>(3, 1, 9)));
    check_same(through_file(net), net, 4);
}

BOOST_AUTO_TEST_CASE(a_loaded_network_is_a_value_that_saves_to_the_same_bytes) {
    const ScratchFile first, second;
    const auto net = every_layer<float>();
    renn::save(first.path, net);
    renn::save(second.path, renn::load<std::remove_const_t<decltype(net)>>(first.path));
    BOOST_TEST(first.read() == second.read());
}

BOOST_AUTO_TEST_CASE(other_layers_or_another_scalar_are_refused_by_name) {
    const ScratchFile file;
    renn::save(file.path, Network(Dense<float>(4, 3), ReLU<float>(), Dense<float>(3, 2)));
    using Other = Network<Dense<float>, renn::Tanh<float>, Dense<float>>;
    BOOST_TEST(message_of<MismatchError>([&] { renn::load<Other>(file.path); }) ==
               "load: " + file.path + ": network: layers: got [Dense, ReLU, Dense], expected [Dense, Tanh, Dense]");
    using Nested = Network<Network<Dense<float>, ReLU<float>>, Dense<float>>;
    BOOST_TEST(message_of<MismatchError>([&] { renn::load<Nested>(file.path); }) ==
               "load: " + file.path + ": network: layers: got [Dense, ReLU, Dense], expected [[Dense, ReLU], Dense]");
    using Double = Network<Dense<double>, ReLU<double>, Dense<double>>;
    BOOST_TEST(message_of<MismatchError>([&] { renn::load<Double>(file.path); }) ==
               "load: " + file.path + ": scalar: got float32, expected float64");
}

BOOST_AUTO_TEST_CASE(other_sizes_than_those_in_the_type_are_refused_by_number) {
    const ScratchFile file;
    renn::save(file.path, Network(Dense<float>(4, 3), ReLU<float>(), Dense<float>(3, 2)));
    using Other = Network<Dense<float, 4, 3>, ReLU<float>, Dense<float, 3, 5>>;
    BOOST_TEST(message_of<MismatchError>([&] { renn::load<Other>(file.path); }) ==
               "load: " + file.path + ": Dense: out x in: got 2 x 3, expected 5 x 3");
}

BOOST_AUTO_TEST_CASE(a_stream_holds_the_same_bytes_as_a_file_and_may_hold_several) {
    const auto net = every_layer<float>();
    using Net = std::remove_const_t<decltype(net)>;
    const ScratchFile file;
    renn::save(file.path, net);
    std::stringstream stream;
    renn::save(stream, net);
    BOOST_TEST(stream.str() == file.read());
    renn::save(stream, Network(Dense<float>(3, 2, 7)));
    check_same(renn::load<Net>(stream), net, 6);
    BOOST_TEST(renn::load<Network<Dense<float>>>(stream).in_features() == 3);
    BOOST_TEST(message_of<FormatError>([&] { renn::load<Net>(stream); }) ==
               "load: truncated: got 0 bytes, expected 64 bytes or more");
}

BOOST_AUTO_TEST_CASE(a_damaged_stream_is_refused_before_its_lengths_are_believed) {
    std::ostringstream out;
    renn::save(out, Network(Dense<float>(3, 2, 7)));
    const std::string whole = out.str();
    using Net = Network<Dense<float>>;
    const auto refused = [](const std::string& bytes) {
        std::istringstream in(bytes);
        return message_of<renn::Error>([&] { renn::load<Net>(in); });
    };
    for (std::size_t length = 0; length < whole.size(); ++length) {
        BOOST_TEST(refused(whole.substr(0, length)).find("truncated") != std::string::npos, "length " << length);
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        BOOST_TEST(!refused(damaged).empty(), "byte " << at);
    }
    std::ostringstream doubles;
    renn::save(doubles, Network(Dense<double>(3, 2, 7)));
    BOOST_TEST(refused(doubles.str()) == "load: scalar: got float64, expected float32");
    // A head that claims much more than there is, with a checksum that is right.
    const std::string claimed = [] {
        const auto head = renn::detail::make_head("network", 4, std::uint64_t{1} << 60, 0);
        return std::string(reinterpret_cast<const char*>(&head), sizeof(head));
    }() + "short";
    BOOST_TEST(refused(claimed).find("truncated: got 69 bytes") != std::string::npos);
}
