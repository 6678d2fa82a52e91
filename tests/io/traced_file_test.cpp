// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE traced_file
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
#include <vector>

#include <renn/io/save.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::Dense;
using renn::FormatError;
using renn::Index;
using renn::KdTree;
using renn::MismatchError;
using renn::Network;
using renn::RetraceOptions;
using renn::Sorted;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using renn::test::ScratchFile;
using renn::test::small_data;
using renn::test::small_net;
using renn::test::small_traced;
using Policies = boost::mpl::list<KdTree, Sorted>;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Everything an answer says about a few queries, pre- and post-activations, in the same bits or not.
template <class A, class B>
bool same_answers(const A& one, const B& other, Index features = 3) {
    using S = typename A::Scalar;
    for (const auto& options : {RetraceOptions{.k = 7}, RetraceOptions{.k = 9, .pre = false, .post = true},
                                RetraceOptions{.k = 5, .ties = renn::Ties::lowest_id, .post = true}}) {
        for (Index q = 0; q < 5; ++q) {
            const Batch<S> x = random_batch<S>(features, 1, static_cast<std::uint64_t>(q) + 50);
            const auto a = one.retrace(x, options);
            const auto b = other.retrace(x, options);
            if (a.dense() != b.dense() || a.outputs() != b.outputs() || a.prediction() != b.prediction()) return false;
            if (a.layers() != b.layers() || (!one.store().labels.empty() && a.evidence() != b.evidence())) return false;
            const auto top_a = a.top(6), top_b = b.top(6);
            for (std::size_t i = 0; i < top_a.size(); ++i) {
                const auto &s = top_a[i], &t = top_b[i];
                if (std::tie(s.id, s.votes, s.share, s.label, s.prediction) !=
                    std::tie(t.id, t.votes, t.share, t.label, t.prediction)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/// Plain code that knows nothing of renn but the probe.
struct Plain {
    Batch<float> w = random_batch<float>(4, 3, 2);
    float shift = 0.0f;
    template <class P>
    Batch<float> operator()(const renn::BatchView<float>& x, P& probe) const {
        const Batch<float> h = (w * x).array() + shift;
        probe.pre("hidden", h);
        const Batch<float> a = h.cwiseMax(0.0f);
        probe.post("active", a);
        return a.topRows(2);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(answers_are_the_same_before_and_after_with_either_index, Policy, Policies) {
    const auto traced = small_traced<Policy>();
    const ScratchFile file;
    renn::save(file.path, traced);
    const auto loaded = renn::load<std::remove_const_t<decltype(traced)>>(file.path);
    BOOST_TEST(same_answers(traced, loaded));
}

BOOST_AUTO_TEST_CASE(a_file_written_with_one_index_is_read_with_the_other) {
    const ScratchFile file;
    const auto with_tree = small_traced<KdTree>();
    renn::save(file.path, with_tree);
    BOOST_TEST(same_answers(with_tree, renn::load<decltype(small_traced<Sorted>())>(file.path)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(everything_known_of_the_samples_comes_back, S, Scalars) {
    const auto traced = small_traced<KdTree, S>();
    const ScratchFile file;
    renn::save(file.path, traced);
    const auto loaded = renn::load<std::remove_const_t<decltype(traced)>>(file.path);
    const auto &a = traced.store(), &b = loaded.store();
    BOOST_TEST(a.ids == b.ids);
    BOOST_TEST(a.labels == b.labels);
    BOOST_TEST(a.predictions == b.predictions);
    BOOST_TEST(a.tags == b.tags);
    BOOST_TEST(b.tags[4] == "picture 4");
    BOOST_TEST(a.class_names == b.class_names);
    BOOST_TEST(a.fingerprint == b.fingerprint);
    BOOST_TEST(a.build == b.build);
    BOOST_TEST(same_bits(a.outputs, b.outputs));
    BOOST_TEST((a.points == b.points));
    BOOST_TEST(renn::fingerprint(traced.network()) == renn::fingerprint(loaded.network()));
    BOOST_TEST(loaded.store().position_of(1000000000000U - 9) == 3);
}

BOOST_AUTO_TEST_CASE(derived_points_are_not_in_the_file_and_are_recomputed) {
    const auto traced = small_traced<Sorted>(1000);
    const ScratchFile file;
    renn::save(file.path, traced);
    const auto loaded = renn::load<std::remove_const_t<decltype(traced)>>(file.path);
    const auto& points = loaded.store().points;
    BOOST_TEST(!points[1].stored());
    BOOST_TEST(!points[3].stored());
    const Index units = 5 + 4 + 2;
    const auto values = static_cast<std::size_t>(units * 1000) * sizeof(float);
    const std::size_t per_sample = 8 + 4 + 4 + 8 + 12 + 2 * sizeof(float);  // id, label, prediction, tag, output
    BOOST_TEST(file.read().size() < values + 1000 * per_sample + 2000);
    BOOST_TEST(same_answers(traced, loaded));
}

BOOST_AUTO_TEST_CASE(a_selection_of_units_and_no_labels_survive) {
    auto traced = renn::trace<Sorted>(small_net(), {.layers = {"dense1", "relu1"}, .units = {{"dense1", {4, 1}}}});
    traced.record(renn::Dataset<float>(random_batch<float>(3, 20, 1)), {.threads = 1});
    const ScratchFile file;
    renn::save(file.path, traced);
    const auto loaded = renn::load<decltype(traced)>(file.path);
    BOOST_TEST((loaded.store().points == traced.store().points));
    BOOST_TEST(loaded.store().labels.empty());
    BOOST_TEST(same_answers(traced, loaded));
}

BOOST_AUTO_TEST_CASE(a_recording_goes_back_to_the_network_it_was_made_with) {
    const auto traced = small_traced<Sorted>();
    const ScratchFile file;
    renn::save(file.path, traced);
    auto again = renn::trace<Sorted>(small_net());
    renn::restore(file.path, again);
    BOOST_TEST(same_answers(traced, again));
}

BOOST_AUTO_TEST_CASE(a_recording_of_another_network_is_refused_and_the_present_one_kept) {
    const auto traced = small_traced<Sorted>();
    const ScratchFile file;
    renn::save(file.path, traced);
    auto other = renn::trace<Sorted>(small_net(77));
    other.record(small_data(), {.threads = 1});
    const auto before = other.retrace(random_batch<float>(3, 1, 1)).dense();
    const std::string message = message_of<MismatchError>([&] { renn::restore(file.path, other); });
    BOOST_TEST(message.find(": the store was recorded with another network") != std::string::npos, message);
    BOOST_TEST(other.retrace(random_batch<float>(3, 1, 1)).dense() == before);

    auto wider = renn::trace<Sorted>(Network(Dense<float>(3, 6), renn::ReLU<float>()));
    BOOST_TEST(message_of<MismatchError>([&] { renn::restore(file.path, wider); }) ==
               "load: " + file.path +
                   ": network: layers: got [Dense, ReLU, Dense, Tanh, Dense], expected [Dense, ReLU]");
}

BOOST_AUTO_TEST_CASE(a_store_put_into_another_networks_file_is_refused) {
    const auto store = small_traced<Sorted>().store();
    const ScratchFile file;
    renn::detail::write_frame(file.path, "traced", sizeof(float), [&](std::ostream& out) {
        cereal::BinaryOutputArchive ar(out);
        renn::detail::put(ar, std::uint8_t{1});
        renn::put(ar, small_net(5));
        renn::put(ar, store);
    });
    const std::string message =
        message_of<MismatchError>([&] { renn::load<decltype(small_traced<Sorted>())>(file.path); });
    BOOST_TEST(message.find(": the store was recorded with another network") != std::string::npos, message);
}

BOOST_AUTO_TEST_CASE(foreign_code_gets_its_recording_back) {
    auto traced = renn::trace<Sorted>(Plain());
    traced.record(small_data(), {.threads = 1});
    const ScratchFile file;
    renn::save(file.path, traced);
    auto again = renn::trace<Sorted>(Plain());
    renn::restore(file.path, again);
    BOOST_TEST(same_answers(traced, again));

    Plain changed;
    changed.shift = 0.5f;
    auto other = renn::trace<Sorted>(changed);
    const std::string message = message_of<MismatchError>([&] { renn::restore(file.path, other); });
    BOOST_TEST(message.find(": the store was recorded with another network") != std::string::npos, message);
    BOOST_TEST(!other.recorded());
}

BOOST_AUTO_TEST_CASE(a_network_and_foreign_code_do_not_take_each_others_recordings) {
    const ScratchFile ours, foreign;
    renn::save(ours.path, small_traced<Sorted>());
    auto code = renn::trace<Sorted>(Plain());
    code.record(small_data(), {.threads = 1});
    renn::save(foreign.path, code);
    BOOST_TEST(message_of<MismatchError>([&] { renn::restore(ours.path, code); }) ==
               "load: " + ours.path + ": traced network: model: got a network, expected foreign code");
    auto net = small_traced<Sorted>();
    BOOST_TEST(message_of<MismatchError>([&] { renn::restore(foreign.path, net); }) ==
               "load: " + foreign.path + ": traced network: model: got foreign code, expected a network");
    BOOST_TEST(message_of<MismatchError>([&] { renn::load<decltype(net)>(foreign.path); }) ==
               "load: " + foreign.path +
                   ": traced network: model: got foreign code, which is not in the file, expected a network; use "
                   "restore(path, traced)");
}

BOOST_AUTO_TEST_CASE(a_network_is_no_traced_network_and_the_other_way_round) {
    const ScratchFile net, traced;
    renn::save(net.path, small_net());
    renn::save(traced.path, small_traced<Sorted>());
    BOOST_TEST(message_of<FormatError>([&] { renn::load<decltype(small_traced<Sorted>())>(net.path); }) ==
               "load: " + net.path + ": content: got network, expected traced");
    BOOST_TEST(message_of<FormatError>([&] { renn::load<decltype(small_net())>(traced.path); }) ==
               "load: " + traced.path + ": content: got traced, expected network");
}

BOOST_AUTO_TEST_CASE(nothing_recorded_cannot_be_saved_and_leaves_no_file) {
    const ScratchFile file("old");
    const auto traced = renn::trace<Sorted>(small_net());
    BOOST_TEST(message_of<renn::DataError>([&] { renn::save(file.path, traced); }) ==
               "TracedNetwork::store: nothing recorded yet: call record() first");
    BOOST_TEST(file.read() == "old");
    BOOST_TEST(!std::filesystem::exists(file.path + ".partial"));
}
