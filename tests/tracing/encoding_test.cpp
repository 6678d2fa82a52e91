// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE encoding
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/core/rng.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/part_of_store.hpp>
#include <renn/tracing/reduced.hpp>
#include <renn/tracing/to_memory.hpp>
#include <renn/tracing/write_reduced.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::BFloat16;
using renn::DataError;
using renn::Dense;
using renn::Float16;
using renn::Index;
using renn::Linear8PerSample;
using renn::Linear8PerUnit;
using renn::MemoryStore;
using renn::ValueRange;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;
using Encodings = boost::mpl::list<Float16, Linear8PerUnit, Linear8PerSample>;  // one with each kind of range

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class E, class S>
S rounded(S value, const ValueRange<S>& range = {}) {
    typename E::template Code<S> code;
    BOOST_TEST(E::encode(&value, &code, 1, &range), value << " is kept");
    E::decode(&code, &value, 1, &range);
    return value;
}

/// Whatever it is next to, no other code is nearer, and of two equally near ones the even one was taken.
template <class E>
void expect_nearest(double value) {
    std::uint16_t code;
    if (!E::encode(&value, &code, 1)) return;
    const auto distance = [&](std::uint16_t c) {
        double there;
        E::decode(&c, &there, 1);
        return std::isfinite(there) ? std::abs(there - value) : infinity;
    };
    for (const auto other : {static_cast<std::uint16_t>(code + 1), static_cast<std::uint16_t>(code - 1)}) {
        const bool nearer = distance(code) < distance(other);
        BOOST_TEST((nearer || (distance(code) == distance(other) && code % 2 == 0)), "rounding " << value);
    }
    BOOST_TEST(distance(code) <= E::error_bound(value));
}

template <class S>
auto network() {
    using namespace renn;
    return Network(Dense<S>(6, 37, 1), ReLU<S>(), Dense<S>(37, 5, 2), Tanh<S>(), Dense<S>(5, 3, 3));
}

template <class S>
renn::Dataset<S> data(Index samples) {
    renn::DatasetDescription<S> more;
    for (Index s = 0; s < samples; ++s) more.ids.push_back(static_cast<std::uint64_t>(7 * (samples - s)));
    return renn::Dataset<S>(random_batch<S>(6, samples, 4), more);
}

template <class A, class B>
bool same_values(const A& a, const B& b) {
    std::vector<typename A::Scalar> x, y;
    for (std::uint32_t p = 0; p < a.points.size(); ++p) {
        for (std::uint32_t u = 0; a.points[p].stored() && u < a.points[p].units.size(); ++u) {
            for (Index d = 0; d < a.points[p].dimensions(); ++d) {
                const auto left = a.values({p, u}, d, x), right = b.values({p, u}, d, y);
                if (!std::equal(left.begin(), left.end(), right.begin(), right.end())) return false;
            }
        }
    }
    return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(halves_are_the_nearest_and_of_two_the_even_one) {
    renn::Rng rng(3);
    for (int i = 0; i < 20000; ++i) {
        const double value = rng.uniform(-1.0, 1.0) * std::pow(2.0, rng.uniform(-30.0, 17.0));
        const auto single = static_cast<float>(value);
        expect_nearest<Float16>(value);
        expect_nearest<BFloat16>(value);
        if (std::abs(value) < 65504.0) BOOST_TEST(rounded<Float16>(single) == float(Eigen::half(single)));
        BOOST_TEST(rounded<BFloat16>(single) == float(Eigen::bfloat16(single)));
    }
    for (const double tie : {1.0 + 0x1p-11, 1.0 + 3 * 0x1p-11, 1.0 + 0x1p-11 + 0x1p-40, 1.0 + 0x1p-11 - 0x1p-40,
                             0x1p-25, 0x1p-24, 3 * 0x1p-25, 65519.0, 0.0, 1e-300}) {
        expect_nearest<Float16>(tie);  // through float, the third would be rounded twice and miss
        expect_nearest<BFloat16>(tie);
        expect_nearest<Float16>(-tie);
    }
    // Every code comes back; packets and what is left of them round alike.
    std::vector<float> values(65536 - 3);
    std::vector<std::uint16_t> codes(values.size()), again(values.size());
    for (std::size_t c = 0; c < codes.size(); ++c) codes[c] = static_cast<std::uint16_t>(c);
    Float16::decode(codes.data(), values.data(), std::ssize(values));
    for (std::size_t c = 0; c < codes.size(); ++c) {
        if (!std::isfinite(values[c])) values[c] = float(codes[c] = 0);
    }
    BOOST_TEST(Float16::encode(values.data(), again.data(), std::ssize(values)));
    BOOST_TEST((again == codes));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_cannot_be_kept_is_refused, S, Scalars) {
    std::uint16_t half;
    std::uint8_t byte;
    const auto keeps = [&]<class E>(E, auto& code, S value) { return E::encode(&value, &code, 1); };
    const ValueRange<S> range = ValueRange<S>::of(S(-1), S(3));
    for (const double bad : {infinity, -infinity, double(std::nanf(""))}) {
        const auto value = static_cast<S>(bad);
        BOOST_TEST(!keeps(Float16(), half, value));
        BOOST_TEST(!keeps(BFloat16(), half, value));
        BOOST_TEST(!Linear8PerUnit::encode(&value, &byte, 1, &range));
    }
    BOOST_TEST(keeps(Float16(), half, S(65519)));
    BOOST_TEST(!keeps(Float16(), half, S(65520)));
    BOOST_TEST(keeps(BFloat16(), half, S(65520)));
    BOOST_TEST(!keeps(BFloat16(), half, static_cast<S>(std::numeric_limits<float>::max())));
    for (const double far : {-1.1, 3.1, 1e30}) {
        const auto value = static_cast<S>(far);
        BOOST_TEST(!Linear8PerUnit::encode(&value, &byte, 1, &range));
        std::vector<S> query{value};
        renn::round_trip<Linear8PerUnit, S>(query, &range);
        BOOST_TEST(query[0] == value);  // no sample has it: it stays
    }
    const S most = std::numeric_limits<S>::max(), nan = std::numeric_limits<S>::quiet_NaN();
    BOOST_CHECK_THROW(ValueRange<S>::of(nan, S(1)), DataError);
    if constexpr (sizeof(S) == sizeof(double)) BOOST_CHECK_THROW(ValueRange<S>::of(-most, most), DataError);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(eight_bits_stay_within_half_a_step, S, Scalars) {
    renn::Rng rng(5);
    const S most = std::numeric_limits<S>::max() / 2;
    std::vector<std::pair<S, S>> ends{{S(0), S(0)},     {S(-7), S(-7)}, {S(-1), S(1)},
                                      {S(0), S(1e-44)}, {-most, most},  {S(1000), std::nextafter(S(1000), S(1001))}};
    for (int i = 0; i < 200; ++i) {
        const double size = std::pow(10.0, rng.uniform(-35.0, 35.0)), a = size * rng.uniform(-1.0, 1.0);
        const double b = a + size * rng.uniform() * std::pow(10.0, rng.uniform(-9.0, 0.0));
        ends.push_back({static_cast<S>(a), static_cast<S>(b)});
    }
    for (const auto& [lowest, largest] : ends) {
        const ValueRange<S> range = ValueRange<S>::of(lowest, largest);
        BOOST_TEST(rounded<Linear8PerUnit>(lowest, range) == lowest);
        for (int i = 0; i <= 300; ++i) {
            const double share = i < 256 ? i / 255.0 : rng.uniform();
            const auto value = std::clamp(static_cast<S>(double(lowest) + share * (double(largest) - double(lowest))),
                                          lowest, largest);
            const S there = rounded<Linear8PerUnit>(value, range);
            const double error = std::abs(static_cast<double>(value) - static_cast<double>(there));
            BOOST_TEST(error <= range.error_bound(), lowest << ".." << largest << ": " << value);
            BOOST_TEST(rounded<Linear8PerUnit>(there, range) == there);
        }
    }
    BOOST_TEST(ValueRange<S>::of(S(4), S(4)).step == S(0));
    std::vector<S> query{S(4), S(4.25)};
    const std::vector<ValueRange<S>> same(2, ValueRange<S>::of(S(4), S(4)));
    renn::round_trip<Linear8PerUnit, S>(query, same.data());
    BOOST_TEST((query == std::vector<S>{S(4), S(4.25)}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(recording_encodes_as_conversion_does_and_samples_find_themselves, E, Encodings) {
    const auto expect = [](auto scalar) {
        using S = decltype(scalar);
        const auto net = network<S>();
        const auto set = data<S>(301);
        const MemoryStore<S> exact = *renn::record(net, set);
        const auto converted = renn::to_memory<E>(exact);
        for (const auto& options : {renn::RecordOptions{.batch = 1, .threads = 1},
                                    {.batch = 300, .threads = 1},
                                    {.batch = 13, .threads = 3},
                                    {.batch = 64, .threads = 2}}) {
            const auto recorded = renn::record<E>(net, set, {}, options);
            BOOST_TEST(same_values(*recorded, converted));
            BOOST_TEST(recorded->bytes() == converted.bytes());
        }
        for (std::uint32_t p : {0U, 2U, 4U}) {
            for (std::uint32_t u = 0; u < exact.points[p].units.size(); ++u) {
                for (Index s = 0; s < 301; ++s) {
                    const double error = std::abs(double(exact.value({p, u}, 0, s)) - converted.value({p, u}, 0, s));
                    BOOST_REQUIRE(error <= converted.error_bound({p, u}, 0, s));
                }
            }
        }
        auto traced = renn::trace<renn::Sorted, E>(net, {.units = {{"dense1", {3, 30, 31}}, {"relu1", {3, 30, 31}}}});
        BOOST_REQUIRE(traced.record(set, {.threads = 1}));
        for (Index s = 0; s < 301; s += 20) {
            const auto answer = traced.retrace(set.input(s), {.k = 4, .post = true});
            const std::size_t neurons = 3 + 3 + 5 + 5 + 3;
            for (std::size_t i = 0; i < neurons; ++i) BOOST_TEST(answer.neuron(i).neighbours.front().distance == 0.0);
            const auto own = answer.voters(set.id(s));
            for (const auto& voter : own) BOOST_TEST(voter.distance == 0.0);
            BOOST_TEST(!own.empty());
        }
    };
    expect(float());
    expect(double());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(odd_shapes_are_recorded_too, E, Encodings) {
    // No units, one unit, a constant one, channels in four dimensions; one sample, and a stream.
    const auto f = [](const auto& x, auto& probe) {
        probe("none", Eigen::MatrixXf(0, x.cols()));
        probe("one", x.topRows(1));
        probe("constant", Eigen::MatrixXf::Constant(2, x.cols(), -3.0f));
        probe("image", x, renn::Shape{2, 4, 4});
    };
    using Model = renn::Foreign<float, std::remove_cvref_t<decltype(f)>>;
    for (const Index samples : {1, 2, 100}) {
        const renn::Dataset<float> set(random_batch<float>(32, samples, 2));
        renn::TracedNetwork<Model, MemoryStore<float, E>, renn::Sorted> traced(
            Model(f), {.channels = {{.layer = "image", .height = 2, .width = 2}}});
        BOOST_REQUIRE(traced.record(set, {.batch = 9}));
        BOOST_TEST(traced.store().value({2, 1}, 0, samples - 1) == -3.0f);
        const auto answer = traced.retrace(set.input(samples / 2), {.k = 1});
        for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(answer.neuron(i).neighbours.front().distance == 0.0);
        if constexpr (E::ranged != renn::Ranged::unit) {
            auto batches = renn::batches(set, 7);
            BOOST_REQUIRE(traced.record(batches));
            BOOST_TEST(traced.store().samples() == samples);
        }
    }
    BOOST_TEST(renn::to_memory<E>(MemoryStore<float>()).samples() == 0);
}

BOOST_AUTO_TEST_CASE(a_value_too_large_for_half_precision_names_its_unit_and_sample) {
    renn::Batch<float> x = random_batch<float>(3, 9, 1);
    x(1, 5) = 70000.0f;
    auto f = [](const auto& in, auto& probe) { probe("in", in); };
    const renn::Foreign<float, decltype(f)> model(f);
    const std::string expected = "in, unit 1, sample 5: got 70000.000000, expected a value that float16 can keep";
    const renn::Dataset<float> set(x);
    BOOST_TEST(message_of<DataError>([&] { renn::record<Float16>(model, set); }) == "record: " + expected);
    const auto exact = renn::record(model, set);
    BOOST_TEST(message_of<DataError>([&] { renn::to_memory<Float16>(*exact); }) == "to_memory: " + expected);
    BOOST_TEST(renn::record<BFloat16>(model, set)->value({0, 1}, 0, 5) == 70144.0f);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(files_of_encoded_values_are_as_the_store_in_memory, E, Encodings) {
    if constexpr (!renn::is_exact<E>) {
        const auto net = network<float>();
        const auto set = data<float>(150);
        const auto exact = *renn::record(net, set);
        const auto kept = renn::to_memory<E>(exact);
        const renn::test::ScratchFile direct, encoded, part;
        BOOST_TEST(renn::write_store<E>(direct.path, kept));
        BOOST_TEST(renn::write_store<E>(encoded.path, exact));
        BOOST_TEST((direct.read() == encoded.read()));
        using Files = renn::FileStore<float, E>;
        const Files store = Files::open(direct.path);
        store.verify();
        BOOST_TEST(same_values(store, kept));
        for (Index s : {0, 1, 149}) {
            BOOST_TEST(store.value({2, 4}, 0, s) == kept.value({2, 4}, 0, s));
            BOOST_TEST(store.error_bound({2, 4}, 0, s) == kept.error_bound({2, 4}, 0, s));
        }
        const auto in_file = renn::trace<renn::Sorted>(net, store);
        const auto in_memory = renn::trace<renn::Sorted>(net, kept);
        for (Index s = 0; s < 150; s += 30) {
            const auto a = in_file.retrace(set.input(s), {.k = 3, .post = true});
            const auto b = in_memory.retrace(set.input(s), {.k = 3, .post = true});
            for (std::size_t i = 0; i < 87; ++i) {
                BOOST_TEST((a.neuron(i) == b.neuron(i)));
                BOOST_TEST(a.neuron(i).neighbours.front().distance == 0.0);
            }
        }
        BOOST_CHECK_THROW(renn::FileStore<float>::open(direct.path), renn::MismatchError);
        renn::write_store<E>(part.path, renn::without_samples(store, {set.id(3)}));
        BOOST_TEST(Files::open(part.path).samples() == 149);
        std::string bytes = direct.read();
        bytes[bytes.size() / 2] ^= 1;
        direct.write(bytes);
        BOOST_CHECK_THROW(Files::open(direct.path).verify(), renn::FormatError);
    }
}
