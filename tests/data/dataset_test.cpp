// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE dataset
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <renn/data/dataset.hpp>

#include "support/message_of.hpp"

template class renn::Dataset<float>;
template class renn::Dataset<double>;

using renn::Batch;
using renn::Bytes;
using renn::DataError;
using renn::Dataset;
using renn::Index;
using renn::ShapeError;
using renn::test::message_of;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// features x samples with different bytes everywhere, every byte value present from 256 entries on.
Bytes some_bytes(Index features, Index samples) {
    return Bytes::NullaryExpr(features, samples,
                              [features](Index r, Index c) { return static_cast<std::uint8_t>(r + c * features); });
}

template <class S>
Dataset<S> small() {
    Batch<S> x(2, 4);
    x << 1, 2, 3, 4, 5, 6, 7, 8;
    Batch<S> y(1, 4);
    y << 10, 20, 30, 40;
    return Dataset<S>(x, {.labels = {0, 2, 1, 2},
                          .targets = y,
                          .ids = {40, 7, 1000000000000, 12},
                          .tags = {"a", "b", "c", "d"},
                          .image = {1, 2, 1},
                          .class_names = {"zero", "one", "two", "three"}});
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_read_as_byte_over_255_correctly_rounded_at_every_place_in_a_block, S, Scalars) {
    for (const Index features : {1, 3, 15, 16, 17, 31, 32, 100, 256, 784}) {
        const Bytes bytes = some_bytes(features, 300);
        const Dataset<S> data(bytes);
        const Batch<S> x = data.inputs();
        BOOST_REQUIRE(x.rows() == features);
        BOOST_REQUIRE(x.cols() == 300);
        bool same = true;
        for (Index i = 0; i < x.size(); ++i) {
            // In long double the quotient is exact enough that rounding it once is the correct rounding.
            same = same && x.data()[i] == static_cast<S>(static_cast<long double>(bytes.data()[i]) / 255.0L);
        }
        BOOST_TEST(same, features);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_way_to_ask_for_a_sample_gives_the_same_bits, S, Scalars) {
    const Bytes bytes = some_bytes(37, 50);
    const Batch<S> values = bytes.cast<S>() / S(255);
    for (const Dataset<S>& data : {Dataset<S>(bytes), Dataset<S>(values)}) {
        const Batch<S> all = data.inputs();
        BOOST_TEST((all == values));
        std::vector<Index> backwards(50);
        std::iota(backwards.rbegin(), backwards.rend(), Index(0));
        Batch<S> gathered, range;
        data.inputs(backwards, gathered);
        data.inputs(11, 7, range);
        BOOST_TEST((range == all.middleCols(11, 7)));
        for (Index p = 0; p < 50; ++p) {
            BOOST_TEST((gathered.col(49 - p) == all.col(p)));
            BOOST_TEST((data.input(p) == all.col(p)));
            BOOST_TEST((data.input_of(data.id(p)) == all.col(p)));
        }
        const std::vector<Index> repeats{3, 3, 0};
        data.inputs(repeats, gathered);
        BOOST_TEST((gathered.col(0) == gathered.col(1)));
    }
}

BOOST_AUTO_TEST_CASE(a_buffer_of_the_right_shape_is_used_again) {
    const Dataset<float> data(some_bytes(20, 9));
    Batch<float> out(20, 4);
    const float* before = out.data();
    data.inputs(2, 4, out);
    data.inputs(std::vector<Index>{8, 1, 0, 2}, out);
    BOOST_TEST(out.data() == before);
    data.inputs(0, 0, out);
    BOOST_TEST(out.rows() == 20);
    BOOST_TEST(out.cols() == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_data_set_knows_what_it_was_told, S, Scalars) {
    const Dataset<S> d = small<S>();
    BOOST_TEST(d.samples() == 4);
    BOOST_TEST(d.features() == 2);
    BOOST_TEST(!d.empty());
    BOOST_TEST(d.classes() == 4);
    BOOST_TEST(d.has_labels());
    BOOST_TEST(d.has_targets());
    BOOST_TEST(d.label(1) == 2);
    BOOST_TEST(d.labels()[2] == 1);
    BOOST_TEST(d.targets()(0, 3) == 40);
    BOOST_TEST(d.tags()[3] == "d");
    BOOST_TEST(d.class_name(3) == "three");
    BOOST_TEST(d.class_name(4) == "4");
    BOOST_TEST(d.class_name(-1) == "-1");
    BOOST_TEST((d.image() == renn::Shape{1, 2, 1}));
    BOOST_TEST(!d.image().unknown());
    BOOST_TEST(d.bytes() >= sizeof(S) * 12);
}

BOOST_AUTO_TEST_CASE(what_is_left_out_has_a_plain_default) {
    const Dataset<float> d(some_bytes(3, 2));
    BOOST_TEST(d.classes() == 0);
    BOOST_TEST(!d.has_labels());
    BOOST_TEST(!d.has_targets());
    BOOST_TEST(d.tags().empty());
    BOOST_TEST(d.image().unknown());
    BOOST_TEST(d.id(1) == 1u);
    BOOST_TEST(d.class_name(1) == "1");
    BOOST_TEST(Dataset<float>(some_bytes(3, 2), {.labels = {0, 6}}).classes() == 7);
}

BOOST_AUTO_TEST_CASE(bytes_stay_bytes_in_memory) {
    BOOST_TEST(Dataset<float>(some_bytes(784, 100)).bytes() == 784u * 100 + 8 * 100);
}

BOOST_AUTO_TEST_CASE(ids_are_found_sorted_or_not) {
    const std::vector<std::vector<std::uint64_t>> lists{
        {},           {0, 1, 2, 3}, {5, 6, 9, 200},
        {9, 3, 2, 1}, {1, 0, 3, 2}, {std::numeric_limits<std::uint64_t>::max(), 0, 7, 1}};
    for (const auto& ids : lists) {
        const Dataset<float> d(some_bytes(1, 4), {.ids = ids});
        for (Index p = 0; p < 4; ++p) {
            BOOST_TEST(d.position_of(d.id(p)) == p);
            BOOST_TEST(d.contains(d.ids()[static_cast<std::size_t>(p)]));
        }
        BOOST_TEST(!d.contains(4));
        BOOST_TEST(message_of<DataError>([&] { d.position_of(4); }) == "Dataset::position_of: no sample has id 4");
        BOOST_TEST(message_of<DataError>([&] { d.input_of(4); }) == "Dataset::input_of: no sample has id 4");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_subset_keeps_ids_tags_names_and_the_number_of_classes, S, Scalars) {
    const Dataset<S> d = small<S>();
    const Dataset<S> s = d.select(std::vector<Index>{3, 0});
    BOOST_TEST(s.samples() == 2);
    BOOST_TEST(s.id(0) == 12u);
    BOOST_TEST(s.position_of(40) == 1);
    BOOST_TEST(!s.contains(7));
    BOOST_TEST(s.tags()[0] == "d");
    BOOST_TEST(s.targets()(0, 1) == 10);
    BOOST_TEST(s.label(0) == 2);
    BOOST_TEST(s.class_name(3) == "three");
    BOOST_TEST((s.input(0) == d.input(3)));
    BOOST_TEST((s.image() == d.image()));
    BOOST_TEST(d.first(1).ids()[0] == 40u);
    BOOST_TEST((d.first(4).inputs() == d.inputs()));

    const Dataset<S> unnamed(some_bytes(2, 3), {.labels = {1, 0, 8}});
    BOOST_TEST(unnamed.first(2).classes() == 9);
    BOOST_TEST(unnamed.first(0).classes() == 9);
    BOOST_TEST(unnamed.first(0).features() == 2);
    BOOST_TEST(unnamed.select({2, 1}).id(0) == 2u);
    BOOST_TEST(
        (unnamed.select(std::vector<Index>{2, 1}).inputs() == unnamed.inputs().rightCols(2).rowwise().reverse()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_eigen_expression_is_a_valid_input, S, Scalars) {
    using RowMajor = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const RowMajor m = RowMajor::Random(3, 5);
    BOOST_TEST((Dataset<S>(m).inputs() == m));
    BOOST_TEST((Dataset<S>(m.leftCols(2) * S(2)).inputs() == m.leftCols(2) * S(2)));
    BOOST_TEST((Dataset<S>(m.array() * S(2)).inputs() == m * S(2)));
    BOOST_TEST(Dataset<S>(Eigen::Map<const RowMajor>(m.data(), 3, 5), {.labels = {0, 1, 2, 3, 4}}).classes() == 5);
    BOOST_TEST(Dataset<S>(some_bytes(3, 5).leftCols(1)).bytes() == 3u + 8u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(no_samples_and_one_sample_are_valid, S, Scalars) {
    for (const Dataset<S>& d :
         {Dataset<S>(), Dataset<S>(Bytes(784, 0)), Dataset<S>(Batch<S>(5, 0)), Dataset<S>(Bytes())}) {
        BOOST_TEST(d.empty());
        BOOST_TEST(d.inputs().cols() == 0);
        BOOST_TEST(d.inputs().rows() == d.features());
        BOOST_TEST(d.first(0).features() == d.features());
        BOOST_TEST(!d.contains(0));
        BOOST_TEST(d.classes() == 0);
        BOOST_TEST(message_of<DataError>([&] { d.id(0); }) ==
                   "Dataset::id: position: got 0, expected nothing (no samples)");
    }
    BOOST_TEST(Dataset<S>(Bytes(784, 0), {.class_names = {"a", "b"}}).classes() == 2);
    const Dataset<S> one(some_bytes(1, 1), {.labels = {0}, .ids = {77}});
    BOOST_TEST(one.position_of(77) == 0);
    BOOST_TEST(one.inputs()(0, 0) == S(0));
}

BOOST_AUTO_TEST_CASE(counts_that_differ_from_the_number_of_samples_are_shape_errors) {
    const Bytes x = some_bytes(6, 3);
    const auto says = [&](renn::DatasetDescription<float> d) {
        return message_of<ShapeError>([&] { Dataset<float>(x, std::move(d)); });
    };
    BOOST_TEST(says({.labels = {1, 2}}) == "Dataset: labels: got 2, expected 3 (one per sample)");
    BOOST_TEST(says({.ids = {1}}) == "Dataset: ids: got 1, expected 3 (one per sample)");
    BOOST_TEST(says({.tags = {"a", "b", "c", "d"}}) == "Dataset: tags: got 4, expected 3 (one per sample)");
    BOOST_TEST(says({.targets = Batch<float>::Zero(2, 4)}) ==
               "Dataset: targets: got 2 x 4, expected 3 columns, one a sample");
    BOOST_TEST(says({.targets = Batch<float>(2, 0)}) ==
               "Dataset: targets: got 2 x 0, expected 3 columns, one a sample");
    BOOST_TEST(says({.targets = Batch<float>(0, 3)}) ==
               "Dataset: targets: got 0 x 3, expected 3 columns, one a sample");
    BOOST_TEST(message_of<ShapeError>([] { Dataset<float>(Bytes(), {.labels = {1}}); }) ==
               "Dataset: labels: got 1, expected 0 (one per sample)");
}

BOOST_AUTO_TEST_CASE(an_image_shape_multiplies_to_the_features) {
    const Bytes x = some_bytes(12, 3);
    const auto says = [&](renn::Shape s) { return message_of<ShapeError>([&] { Dataset<float>(x, {.image = s}); }); };
    const std::string start = "Dataset: image (channels x height x width): got ";
    const std::string end = ", expected a product of 12 features";
    BOOST_TEST(says({3, 2, 2}) == "no error");
    BOOST_TEST(says({1, 12, 1}) == "no error");
    BOOST_TEST(says({1, 28, 28}) == start + "1 x 28 x 28" + end);
    BOOST_TEST(says({0, 3, 4}) == start + "0 x 3 x 4" + end);
    BOOST_TEST(says({-1, -3, 4}) == start + "-1 x -3 x 4" + end);
    BOOST_TEST(says({2, 2, 2}) == start + "2 x 2 x 2" + end);
    // 2^32 * 2^32 * 12 wraps to 0 and 3 * (2^64 + 4) / 3 would wrap to 12.
    BOOST_TEST(says({Index(1) << 32, Index(1) << 32, 12}) == start + "4294967296 x 4294967296 x 12" + end);
    BOOST_TEST(says({3, (Index(1) << 62) + 1, 4}) == start + "3 x 4611686018427387905 x 4" + end);
}

BOOST_AUTO_TEST_CASE(labels_out_of_range_are_data_errors) {
    const Bytes x = some_bytes(2, 4);
    const auto says = [&](renn::DatasetDescription<float> d) {
        return message_of<DataError>([&] { Dataset<float>(x, std::move(d)); });
    };
    const std::vector<std::string> names{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    BOOST_TEST(says({.labels = {0, 1, 2, 12}, .class_names = names}) ==
               "Dataset: label of sample 3: got 12, expected 0..9");
    BOOST_TEST(says({.labels = {0, -1, 2, 3}, .class_names = names}) ==
               "Dataset: label of sample 1: got -1, expected 0..9");
    BOOST_TEST(says({.labels = {-5, 1, 2, 3}}) == "Dataset: label of sample 0: got -5, expected 0 or more");
    BOOST_TEST(says({.labels = {0, 1, std::numeric_limits<std::int32_t>::max(), 3}}) ==
               "Dataset: label of sample 2: got 2147483647, expected 0..2147483646");
}

BOOST_AUTO_TEST_CASE(an_id_that_occurs_twice_is_named_with_both_places) {
    const Bytes x = some_bytes(2, 4);
    const auto says = [&](std::vector<std::uint64_t> ids) {
        return message_of<DataError>([&] { Dataset<float>(x, {.ids = std::move(ids)}); });
    };
    BOOST_TEST(says({5, 9, 7, 9}) == "Dataset: id 9: got samples 1 and 3, expected one sample");
    BOOST_TEST(says({0, 1, 1, 3}) == "Dataset: id 1: got samples 1 and 2, expected one sample");
    BOOST_TEST(says({4, 4, 4, 4}) == "Dataset: id 4: got samples 0 and 1, expected one sample");
    const Dataset<float> d(x);
    BOOST_TEST(message_of<DataError>([&] {
                   d.select(std::vector<Index>{2, 0, 2});
               }) == "Dataset: id 2: got samples 0 and 2, expected one sample");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(values_that_are_not_finite_are_named, S, Scalars) {
    using Limits = std::numeric_limits<S>;
    const auto says = [](S value, bool target) {
        Batch<S> x = Batch<S>::Ones(3, 4), y = Batch<S>::Ones(2, 4);
        (target ? y : x)(1, 2) = value;
        return message_of<DataError>([&] { Dataset<S>(x, {.targets = y}); });
    };
    BOOST_TEST(says(Limits::quiet_NaN(), false) ==
               "Dataset: input of sample 2, feature 1: got NaN, expected a finite value");
    BOOST_TEST(says(-Limits::infinity(), false) ==
               "Dataset: input of sample 2, feature 1: got -inf, expected a finite value");
    BOOST_TEST(says(Limits::infinity(), true) ==
               "Dataset: target of sample 2, feature 1: got inf, expected a finite value");
    BOOST_TEST(says(Limits::max(), false) == "no error");
    BOOST_TEST(says(Limits::denorm_min(), true) == "no error");
}

BOOST_AUTO_TEST_CASE(samples_without_features_are_a_data_error) {
    BOOST_TEST(message_of<DataError>([] { Dataset<float>(Bytes(0, 3)); }) ==
               "Dataset: features: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([] { Dataset<double>(Batch<double>(0, 1)); }) ==
               "Dataset: features: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(positions_that_do_not_exist_are_data_errors) {
    const Dataset<float> d(some_bytes(2, 3), {.labels = {0, 1, 2}});
    Batch<float> out;
    BOOST_TEST(message_of<DataError>([&] { d.label(3); }) == "Dataset::label: position: got 3, expected 0..2");
    BOOST_TEST(message_of<DataError>([&] { d.id(-1); }) == "Dataset::id: position: got -1, expected 0..2");
    BOOST_TEST(message_of<DataError>([&] { d.input(9); }) == "Dataset::input: position: got 9, expected 0..2");
    BOOST_TEST(message_of<DataError>([&] {
                   d.inputs(std::vector<Index>{0, 4}, out);
               }) == "Dataset::inputs: position: got 4, expected 0..2");
    BOOST_TEST(message_of<DataError>([&] { d.select(std::vector<Index>{-2}); }) ==
               "Dataset::select: position: got -2, expected 0..2");
    BOOST_TEST(message_of<DataError>([&] { d.first(4); }) == "Dataset::first: count: got 4, expected 0..3");
    BOOST_TEST(message_of<DataError>([&] { d.first(-1); }) == "Dataset::first: count: got -1, expected 0..3");
    const std::string range = ", expected a range within 3 samples";
    BOOST_TEST(message_of<DataError>([&] { d.inputs(2, 2, out); }) ==
               "Dataset::inputs: first and count: got 2 and 2" + range);
    BOOST_TEST(message_of<DataError>([&] { d.inputs(-1, 2, out); }) ==
               "Dataset::inputs: first and count: got -1 and 2" + range);
    const Index most = std::numeric_limits<Index>::max();
    BOOST_TEST(message_of<DataError>([&] { d.inputs(most, most, out); }) == "Dataset::inputs: first and count: got " +
                                                                                std::to_string(most) + " and " +
                                                                                std::to_string(most) + range);
    BOOST_TEST(message_of<DataError>([&] { Dataset<float>(some_bytes(2, 3)).label(0); }) ==
               "Dataset::label: the data set has no labels");
}
