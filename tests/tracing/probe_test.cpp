// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE probe
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <renn/index/sorted.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using Eigen::MatrixXf;
using renn::DataError;
using renn::Dataset;
using renn::ForeignOptions;
using renn::Index;
using renn::MismatchError;
using renn::ShapeError;
using renn::Sorted;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;

namespace {

const MatrixXf w1 = random_batch<float>(6, 4, 1), w2 = random_batch<float>(3, 6, 2);

/// Code as anybody may have it; coefficient-wise sums make a sample's numbers those of the sample alone.
MatrixXf times(const MatrixXf& w, const MatrixXf& x) {
    MatrixXf y = MatrixXf::Zero(w.rows(), x.cols());
    for (Index i = 0; i < w.cols(); ++i) y += w.col(i) * x.row(i);
    return y;
}

const auto hidden_then_logits = [](const auto& x, auto& probe) {
    const MatrixXf h = times(w1, x);
    probe.pre("hidden", h);
    const MatrixXf a = h.cwiseMax(0.0f);
    probe.post("active", a);
    const MatrixXf logits = times(w2, a);
    probe("logits", logits);
    return logits;
};

Dataset<float> data(Index samples) {
    return Dataset<float>(random_batch<float>(4, samples, 3));
}

/// What comes of recording 10 samples one by one with a callable that learns how often it was called before.
template <class E, class F>
std::string refusal(F f) {
    auto traced = renn::trace<Sorted>([f, calls = 0](const auto& x, auto& probe) mutable { f(x, probe, calls++); });
    const std::string text = message_of<E>([&] { traced.record(data(10), {.batch = 1}); });
    BOOST_TEST(!traced.recorded());
    return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_callable_that_reports_matrices_is_traced) {
    auto traced = renn::trace<Sorted>(hidden_then_logits);
    const auto set = data(100);
    BOOST_REQUIRE(traced.record(set, {.batch = 9}));
    const auto& store = traced.store();
    BOOST_REQUIRE(store.points.size() == 3u);
    BOOST_TEST(store.points[0].text() == "hidden (pre-activation)");
    BOOST_TEST(store.points[1].text() == "active (post-activation)");
    BOOST_TEST(store.points[2].text() == "logits (pre-activation)");
    BOOST_TEST(store.points[1].layer == 0);
    BOOST_TEST(store.points[2].layer == 1);
    const MatrixXf h = times(w1, set.inputs());
    BOOST_TEST(same_bits(store.outputs, times(w2, h.cwiseMax(0.0f))));
    for (std::uint32_t u = 0; u < 6; ++u) {
        for (Index s = 0; s < 100; ++s) BOOST_REQUIRE(store.values({0, u})[static_cast<std::size_t>(s)] == h(u, s));
    }
    const auto answer = traced.retrace(set.input(42), {.k = 1});
    BOOST_TEST(answer.top(1).front().id == 42u);
    BOOST_TEST(answer.top(1).front().share == 1.0);
    BOOST_TEST(answer.prediction() == store.predictions[42]);
    BOOST_TEST(message_of<ShapeError>([&] { traced.retrace(Eigen::VectorXf::Zero(3)); }) ==
               "retrace: features: got 3, expected 4, as recorded");
}

BOOST_AUTO_TEST_CASE(blocks_maps_and_expressions_are_reported_as_they_are) {
    const auto f = [](const auto& x, auto& probe) {
        const MatrixXf h = times(w1, x);
        probe.pre("whole", h);
        probe.pre("rows", h.middleRows(1, 3));
        probe.pre("map", Eigen::Map<const MatrixXf>(h.data(), h.rows(), h.cols()));
        probe.pre("expression", 2.0f * h.topRows(2) + h.bottomRows(2));
        probe.pre("row major", Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>(h));
        probe.post("input", x);
    };
    auto traced = renn::trace<Sorted>(f);
    traced.record(data(30), {.batch = 8});
    const MatrixXf x = data(30).inputs(), h = times(w1, x);
    const auto values = traced.activations(x);
    BOOST_TEST(same_bits(values["rows"], MatrixXf(h.middleRows(1, 3))));
    BOOST_TEST(same_bits(values["map"], h));
    BOOST_TEST(same_bits(values["row major"], h));
    BOOST_TEST(same_bits(values["input"], x));
    BOOST_TEST(values["expression"].isApprox(2.0f * h.topRows(2) + h.bottomRows(2)));
    const auto row = traced.store().values({1, 2});
    for (Index s = 0; s < 30; ++s) BOOST_REQUIRE(row[static_cast<std::size_t>(s)] == h(3, s));
    // Nothing was returned, so there are no outputs and no predictions.
    BOOST_TEST(traced.store().predictions.empty());
    const auto answer = traced.retrace(x.col(3));
    BOOST_TEST(answer.outputs().empty());
    BOOST_TEST(answer.prediction() == -1);
    BOOST_TEST(answer.top(1).front().prediction == -1);
}

BOOST_AUTO_TEST_CASE(functions_and_other_scalars_are_traced_too) {
    const auto f = [](const Eigen::MatrixXd& x, renn::Probe<double>& probe) -> Eigen::MatrixXd {
        probe("sum", x.colwise().sum());
        return -x;
    };
    auto traced = renn::trace<Sorted, double>(f);
    traced.record(Dataset<double>(random_batch<double>(4, 20, 5)));
    BOOST_TEST(traced.store().points[0].width == 1);
    BOOST_TEST(same_bits(traced.store().outputs, Eigen::MatrixXd(-random_batch<double>(4, 20, 5))));
}

BOOST_AUTO_TEST_CASE(a_run_that_does_not_repeat_the_first_is_refused) {
    const auto h = [](const auto& x) { return times(w1, x); };
    BOOST_TEST(refusal<MismatchError>([&](const auto& x, auto& probe, int call) {
                   probe("a", h(x));
                   if (call < 3) probe("b", h(x));
               }) == "probe \"b\": missing: the first run reported it, this one did not");
    BOOST_TEST(refusal<MismatchError>([&](const auto& x, auto& probe, int call) {
                   probe(call < 3 ? "a" : "c", h(x));
               }) == "probe \"c\": reported, but not by the first run");
    BOOST_TEST(refusal<MismatchError>([&](const auto& x, auto& probe, int call) {
                   probe("a", h(x));
                   if (call == 3) probe("a", h(x));
               }) == "probe \"a\": reported twice in one run; every place needs its own name");
    BOOST_TEST(refusal<MismatchError>([&](const auto& x, auto& probe, int call) {
                   call < 3 ? probe.pre("a", h(x)) : probe.post("a", h(x));
               }) == "probe \"a\": reported, but not by the first run");
    BOOST_TEST(refusal<ShapeError>([&](const auto& x, auto& probe, int call) {
                   probe("a", h(x).topRows(call < 3 ? 6 : 5));
               }) == "probe \"a\": values: got 5 x 1, expected 6 x 1");
    BOOST_TEST(refusal<ShapeError>([&](const auto& x, auto& probe, int call) {
                   probe("a", MatrixXf::Zero(6, call < 3 ? x.cols() : 2));
               }) == "probe \"a\": values: got 6 x 2, expected 6 x 1");
}

BOOST_AUTO_TEST_CASE(a_first_run_that_makes_no_sense_is_refused) {
    BOOST_TEST(refusal<MismatchError>([](const auto& x, auto& probe, int) {
                   probe("a", x);
                   probe("a", x);
               }) == "probe \"a\": reported twice in one run; every place needs its own name");
    BOOST_TEST(refusal<ShapeError>([](const auto& x, auto& probe, int) { probe("a", x.transpose()); }) ==
               "probe \"a\": values: got 1 x 4, expected 1 x 1, one column a sample");
    BOOST_TEST(refusal<DataError>([](const auto& x, auto& probe, int) { probe("", x); }) ==
               "probe \"\": a place needs a name");
    BOOST_TEST(refusal<DataError>([](const auto&, auto&, int) {}) ==
               "record: places the model reported: got none, expected 1 or more");
    auto wide = renn::trace<Sorted>([](const auto& x, auto& probe) {
        probe("a", x);
        return MatrixXf(MatrixXf::Zero(2, x.cols() + 1));
    });
    BOOST_TEST(message_of<ShapeError>([&] { wide.record(data(5)); }) ==
               "traced callable: samples of its output: got 2, expected 1, one a column of its input");
}

BOOST_AUTO_TEST_CASE(foreign_code_runs_on_one_thread_unless_it_says_otherwise) {
    const auto count_threads = [](ForeignOptions options) {
        auto others = std::make_shared<std::atomic<int>>(0);
        const auto caller = std::this_thread::get_id();
        auto traced = renn::trace<Sorted>(
            [=](const auto& x, auto& probe) {
                if (std::this_thread::get_id() != caller) ++*others;
                std::this_thread::sleep_for(std::chrono::microseconds(200));
                return hidden_then_logits(x, probe);
            },
            options);
        traced.record(data(100), {.batch = 1, .threads = 4});
        auto alone = renn::trace<Sorted>(hidden_then_logits);
        alone.record(data(100));
        BOOST_TEST(same_bits(traced.store().outputs, alone.store().outputs));
        for (std::uint32_t u = 0; u < 6; ++u) {
            const auto a = traced.store().values({0, u}), b = alone.store().values({0, u});
            BOOST_TEST(std::equal(a.begin(), a.end(), b.begin(), b.end()));
        }
        return others->load();
    };
    BOOST_TEST(count_threads({}) == 0);
    BOOST_TEST(count_threads({.parallel = true}) > 0);
}

BOOST_AUTO_TEST_CASE(code_that_keeps_state_is_made_anew_for_each_thread) {
    struct Stateful {
        MatrixXf hidden;  // outputs live in the object: shared by two threads they would be torn
        std::shared_ptr<std::atomic<int>> made;
        explicit Stateful(std::shared_ptr<std::atomic<int>> counter) : made(std::move(counter)) { ++*made; }
        void operator()(const renn::BatchView<float>& x, renn::Probe<float>& probe) {
            hidden = times(w1, x);
            std::this_thread::yield();
            probe("hidden", hidden);
        }
    };
    auto made = std::make_shared<std::atomic<int>>(0);
    auto traced = renn::trace_each<Sorted>([made] { return Stateful(made); });
    traced.record(data(300), {.batch = 3, .threads = 4});
    BOOST_TEST(*made >= 4);
    const MatrixXf h = times(w1, data(300).inputs());
    for (std::uint32_t u = 0; u < 6; ++u) {
        for (Index s = 0; s < 300; ++s) {
            BOOST_REQUIRE(traced.store().values({0, u})[static_cast<std::size_t>(s)] == h(u, s));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_error_on_any_thread_reaches_the_caller_and_the_recording_before_stays) {
    for (const int threads : {1, 4}) {
        auto fails = std::make_shared<std::atomic<bool>>(false);
        auto running = std::make_shared<std::atomic<int>>(0);
        auto traced = renn::trace<Sorted>(
            [=](const auto& x, auto& probe) {
                ++*running;
                if (*fails && x(0, 0) > 0.9f) {
                    --*running;
                    throw std::domain_error("out of spirits");
                }
                auto out = hidden_then_logits(x, probe);
                --*running;
                return out;
            },
            {.parallel = true});
        BOOST_REQUIRE(traced.record(data(20)));
        *fails = true;
        for (int round = 0; round < 10; ++round) {
            BOOST_TEST(message_of<std::domain_error>(
                           [&] { traced.record(data(400), {.batch = 1, .threads = threads}); }) == "out of spirits");
            BOOST_TEST(*running == 0);  // every thread has stopped
            BOOST_TEST(traced.store().samples() == 20);
        }
        *fails = false;
        BOOST_TEST(traced.retrace(data(20).input(7), {.k = 1}).top(1).front().id == 7u);
    }
}

BOOST_AUTO_TEST_CASE(a_store_knows_its_foreign_code_again_by_fingerprint_or_by_behaviour) {
    const auto scaled = [](float factor) {
        return [factor](const auto& x, auto& probe) { probe("h", factor * times(w1, x)); };
    };
    const auto store_of = [&](ForeignOptions options, float factor) {
        auto traced = renn::trace<Sorted>(scaled(factor), options);
        traced.record(data(10));
        return traced.store();
    };
    using Traced = decltype(renn::trace<Sorted>(scaled(1.0f)));
    const auto open = [&](const renn::MemoryStore<float>& store, ForeignOptions options, float factor) {
        using Model = renn::Foreign<float, decltype(scaled(1.0f))>;
        return message_of<MismatchError>([&] { Traced(Model(scaled(factor), options), store); });
    };
    BOOST_TEST(open(store_of({}, 1.0f), {}, 1.0f) == "no error");
    BOOST_TEST(open(store_of({}, 1.0f), {}, 1.5f).find("the store was recorded with another network") !=
               std::string::npos);
    BOOST_TEST(open(store_of({.fingerprint = 7}, 1.0f), {.fingerprint = 7}, 1.5f) == "no error");
    BOOST_TEST(open(store_of({.fingerprint = 7}, 1.0f), {.fingerprint = 8}, 1.0f) ==
               "TracedNetwork: fingerprint of the store's network: got 7, expected 8: the store was recorded with "
               "another network");
}
