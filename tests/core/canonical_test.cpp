// SPDX-License-Identifier: MIT
// labels: threads long_running
#define BOOST_TEST_MODULE canonical
#include <array>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <renn/activations/softmax.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/parallel.hpp>

#include "support/random_batch.hpp"

using renn::Batch;
using renn::BatchView;
using renn::Column;
using renn::Index;
using renn::test::random_batch;
using renn::test::same_bits;
namespace canonical = renn::canonical;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Largest error of y against left right + bias in long double, in units of what the roundings may do.
template <class S>
double error_of(const Batch<S>& y, const Batch<S>& left, const Batch<S>& right, const Column<S>* bias = nullptr) {
    long double worst = 0.0L;
    for (Index j = 0; j < y.cols(); ++j) {
        for (Index i = 0; i < y.rows(); ++i) {
            long double sum = bias != nullptr ? (*bias)[i] : S(0), size = std::abs(sum);
            for (Index k = 0; k < left.cols(); ++k) {
                const long double term = static_cast<long double>(left(i, k)) * static_cast<long double>(right(k, j));
                sum += term;
                size += std::abs(term);
            }
            const long double allowed = size * static_cast<long double>(std::numeric_limits<S>::epsilon()) *
                                            static_cast<long double>(left.cols() + 1) +
                                        static_cast<long double>(std::numeric_limits<S>::min());
            worst = std::max(worst, std::abs(static_cast<long double>(y(i, j)) - sum) / allowed);
        }
    }
    return static_cast<double>(worst);
}

constexpr std::array<Index, 14> sizes{1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 65, 70};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(products_are_right_at_every_odd_size, S, Scalars) {
    double worst = 0.0;
    for (Index rows = 1; rows <= 70; ++rows) {
        for (const Index depth : sizes) {
            for (const Index cols : {1, 3, 5}) {
                const auto w = random_batch<S>(rows, depth, 1);
                const auto x = random_batch<S>(depth, cols, 2);
                const auto g = random_batch<S>(rows, cols, 3);
                const Column<S> bias = random_batch<S>(rows, 1, 4);
                Batch<S> y(rows, cols);
                canonical::product<S>(w, x, &bias, y);
                worst = std::max(worst, error_of(y, w, x, &bias));
                canonical::product<S>(w, x, nullptr, y);
                worst = std::max(worst, error_of(y, w, x));
                Batch<S> below(depth, cols);
                canonical::product_transposed<S>(w, g, below);
                worst = std::max(worst, error_of<S>(below, w.transpose(), g));
            }
        }
    }
    for (const Index samples : {1, 2, 5, 33, 70}) {
        for (const Index out : sizes) {
            const auto g = random_batch<S>(out, samples, 5);
            const auto x = random_batch<S>(37, samples, 6);
            Batch<S> outer(out, 37);
            canonical::outer_product<S>(g, x, outer);
            worst = std::max(worst, error_of<S>(outer, g, x.transpose()));
        }
    }
    BOOST_TEST(worst <= 1.0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(depths_beyond_one_block_are_right, S, Scalars) {
    for (const Index depth : {255, 256, 257, 513, 1100}) {
        for (const Index cols : {1, 4, 5, 9}) {
            const auto w = random_batch<S>(19, depth, 1);
            const auto x = random_batch<S>(depth, cols, 2);
            Batch<S> y(19, cols);
            canonical::product<S>(w, x, nullptr, y);
            BOOST_TEST(error_of(y, w, x) <= 1.0);
            const Batch<S> transposed = w.transpose();
            Batch<S> again(19, cols);
            canonical::product_transposed<S>(transposed, x, again);
            BOOST_TEST(same_bits(again, y));  // the same chain, only the storage differs
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sample_has_the_same_bits_alone_and_at_every_place_of_every_width, S, Scalars) {
    for (const Index rows : {1, 10, 19, 67}) {
        for (const Index depth : {1, 7, 67, 300}) {
            const auto w = random_batch<S>(rows, depth, 1);
            const Column<S> bias = random_batch<S>(rows, 1, 2);
            const Batch<S> x = random_batch<S>(depth, 1, 3);
            const Batch<S> g = random_batch<S>(rows, 1, 4);
            Batch<S> y_alone(rows, 1), below_alone(depth, 1);
            canonical::product<S>(w, x, &bias, y_alone);
            canonical::product_transposed<S>(w, g, below_alone);
            for (const Index width : {1, 3, 5, 32, 67}) {
                Batch<S> xs = random_batch<S>(depth, width, 5);
                Batch<S> gs = random_batch<S>(rows, width, 6);
                Batch<S> y(rows, width), below(depth, width);
                for (Index place = 0; place < width; ++place) {
                    const Column<S> x_kept = xs.col(place);
                    const Column<S> g_kept = gs.col(place);
                    xs.col(place) = x.col(0);
                    gs.col(place) = g.col(0);
                    canonical::product<S>(w, xs, &bias, y);
                    canonical::product_transposed<S>(w, gs, below);
                    BOOST_REQUIRE(same_bits(y.col(place), y_alone));
                    BOOST_REQUIRE(same_bits(below.col(place), below_alone));
                    xs.col(place) = x_kept;
                    gs.col(place) = g_kept;
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_chain_is_what_the_documentation_says, S, Scalars) {
    // With exact products and sums that round, the order of the additions shows: ascending is the only one that fits.
    const S half_ulp = std::numeric_limits<S>::epsilon() / 2;
    Batch<S> w(1, 3), x = Batch<S>::Ones(3, 1), y(1, 1);
    w << half_ulp, half_ulp, S(-1);
    const Column<S> bias = Column<S>::Ones(1);
    canonical::product<S>(w, x, &bias, y);
    BOOST_TEST(y(0, 0) == S(0));  // ((1 + h) + h) - 1; the other way round 2h
    w << S(1), half_ulp, half_ulp;
    canonical::product<S>(w, x, nullptr, y);
    BOOST_TEST(y(0, 0) == S(1));
    w << half_ulp, half_ulp, S(1);
    canonical::product<S>(w, x, nullptr, y);
    BOOST_TEST(y(0, 0) == S(1) + 2 * half_ulp);
    const std::array<S, 3> values{S(1), half_ulp, half_ulp};
    BOOST_TEST(canonical::sum(values.data(), 3) == S(1));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(views_with_an_outer_stride_give_the_bits_of_a_copy, S, Scalars) {
    const auto big = random_batch<S>(90, 20, 1);
    for (const Index depth : {1, 5, 37}) {
        const Batch<S> copy = big.block(7, 3, depth, 9);
        const auto w = random_batch<S>(21, depth, 2);
        Batch<S> y(21, 9), from_copy(21, 9);
        canonical::product<S>(w, big.block(7, 3, depth, 9), nullptr, y);
        canonical::product<S>(w, copy, nullptr, from_copy);
        BOOST_TEST(same_bits(y, from_copy));

        const Eigen::Map<const Batch<S>, 0, Eigen::OuterStride<>> mapped(big.data() + 2, depth, 9,
                                                                         Eigen::OuterStride<>(95));
        const Batch<S> v = random_batch<S>(depth, 13, 3);
        Batch<S> below(13, 9), below_copy(13, 9);
        canonical::product_transposed<S>(v, mapped, below);
        canonical::product_transposed<S>(v, Batch<S>(mapped), below_copy);
        BOOST_TEST(same_bits(below, below_copy));
        Batch<S> outer(depth, depth), outer_copy(depth, depth);
        canonical::outer_product<S>(mapped, big.block(7, 3, depth, 9), outer);
        canonical::outer_product<S>(Batch<S>(mapped), copy, outer_copy);
        BOOST_TEST(same_bits(outer, outer_copy));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nothing_and_nothing_make_zeros_or_nothing, S, Scalars) {
    Batch<S> y = Batch<S>::Ones(3, 2);
    const Column<S> bias = Column<S>::Constant(3, S(4));
    canonical::product<S>(Batch<S>(3, 0), Batch<S>(0, 2), &bias, y);
    BOOST_TEST((y.array() == S(4)).all());
    canonical::product<S>(Batch<S>(3, 0), Batch<S>(0, 2), nullptr, y);
    BOOST_TEST((y.array() == S(0)).all());
    Batch<S> none(3, 0);
    canonical::product<S>(random_batch<S>(3, 5, 1), Batch<S>(5, 0), &bias, none);
    canonical::product_transposed<S>(random_batch<S>(5, 3, 1), Batch<S>(5, 0), none);
    Batch<S> no_rows(0, 4);
    canonical::product<S>(Batch<S>(0, 5), random_batch<S>(5, 4, 1), nullptr, no_rows);
    Batch<S> outer = Batch<S>::Ones(3, 5);
    canonical::outer_product<S>(Batch<S>(3, 0), Batch<S>(5, 0), outer);
    BOOST_TEST((outer.array() == S(0)).all());
    BOOST_TEST(canonical::sum<S>(nullptr, 0) == S(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(infinite_neighbours_do_not_leak_into_a_sample, S, Scalars) {
    const auto w = random_batch<S>(7, 11, 1);
    Batch<S> x = random_batch<S>(11, 5, 2);
    Batch<S> clean(7, 5), y(7, 5);
    canonical::product<S>(w, x, nullptr, clean);
    x.col(2).setConstant(std::numeric_limits<S>::infinity());
    x.col(4).setConstant(std::numeric_limits<S>::quiet_NaN());
    canonical::product<S>(w, x, nullptr, y);
    for (const Index j : {0, 1, 3}) BOOST_TEST(same_bits(y.col(j), clean.col(j)));
    BOOST_TEST(y.col(4).array().isNaN().all());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(softmax_columns_have_the_same_bits_at_every_place, S, Scalars) {
    const renn::Softmax<S> softmax;
    renn::NoCache cache;
    for (const Index rows : {1, 2, 10, 19, 67}) {
        const Batch<S> x = random_batch<S>(rows, 1, 1) * S(5);
        Batch<S> alone, y;
        softmax.forward({}, x, alone, cache, {});
        for (const Index width : {1, 3, 5, 32, 67}) {
            Batch<S> xs = random_batch<S>(rows, width, 2) * S(5);
            for (Index place = 0; place < width; ++place) {
                xs.col(place) = x.col(0);
                softmax.forward({}, xs, y, cache, {});
                BOOST_REQUIRE(same_bits(y.col(place), alone));
                softmax.forward({}, xs.middleCols(place, 1), y, cache, {});
                BOOST_REQUIRE(same_bits(y, alone));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_number_of_threads_gives_the_same_bits, S, Scalars) {
    constexpr Index samples = 67, depth = 131, rows = 43;
    const auto w = random_batch<S>(rows, depth, 1);
    const auto x = random_batch<S>(depth, samples, 2);
    const Column<S> bias = random_batch<S>(rows, 1, 3);
    const renn::Softmax<S> softmax;
    const auto run = [&](Index first, Index count, Batch<S>& y, Batch<S>& p, Batch<S>& below) {
        renn::NoCache cache;
        Batch<S> logits(rows, count), probabilities, back(depth, count);
        canonical::product<S>(w, x.middleCols(first, count), &bias, logits);
        softmax.forward({}, logits, probabilities, cache, {});
        canonical::product_transposed<S>(w, probabilities, back);
        y.middleCols(first, count) = logits;
        p.middleCols(first, count) = probabilities;
        below.middleCols(first, count) = back;
    };
    Batch<S> y(rows, samples), p(rows, samples), below(depth, samples);
    run(0, samples, y, p, below);
    for (int threads = 1; threads <= 8; ++threads) {
        for (const Index width : {1, 3, 5, 32, 67}) {
            Batch<S> y2(rows, samples), p2(rows, samples), below2(depth, samples);
            renn::detail::parallel_for((samples + width - 1) / width, threads, [&](Index task, int) {
                run(task * width, std::min(width, samples - task * width), y2, p2, below2);
            });
            BOOST_TEST(same_bits(y2, y));
            BOOST_TEST(same_bits(p2, p));
            BOOST_TEST(same_bits(below2, below));
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(transposing_moves_every_element_and_nothing_else, S, Scalars) {
    for (const Index rows : sizes) {
        for (const Index cols : sizes) {
            const auto source = random_batch<S>(rows + 3, cols, 1);
            Batch<S> target = Batch<S>::Constant(cols + 2, rows, S(7));
            canonical::transpose(source.data() + 1, rows + 3, target.data() + 1, cols + 2, rows, cols);
            BOOST_REQUIRE((target.block(1, 0, cols, rows) == source.block(1, 0, rows, cols).transpose()));
            BOOST_REQUIRE((target.row(0).array() == S(7)).all());
            BOOST_REQUIRE((target.row(cols + 1).array() == S(7)).all());
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_transform_treats_every_element_alike_and_writes_no_further, S, Scalars) {
    const Batch<S> values = random_batch<S>(67, 1, 1) * S(3);
    const auto exponential = [](const auto& p) { return Eigen::internal::pexp(p); };
    for (Index n = 0; n <= 67; ++n) {
        std::vector<S> out(static_cast<std::size_t>(n) + 1, S(-1));
        canonical::transform(values.data(), out.data(), n, exponential);
        BOOST_TEST(out.back() == S(-1));
        for (Index i = 0; i < n; ++i) {
            S alone = 0;
            canonical::transform(values.data() + i, &alone, 1, exponential);
            BOOST_REQUIRE(out[static_cast<std::size_t>(i)] == alone);
            BOOST_REQUIRE(std::abs(alone / std::exp(values(i, 0)) - S(1)) < 4 * std::numeric_limits<S>::epsilon());
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sums_of_terms_are_chains_in_ascending_order, S, Scalars) {
    const auto difference = [](const auto& p, const auto& q) { return Eigen::internal::psub(p, q); };
    for (Index n = 0; n < 140; n += n < 20 ? 1 : 17) {
        const Batch<S> a = random_batch<S>(n, 1, 1), b = random_batch<S>(n, 1, 2);
        S products = 0, differences = 0;
        for (Index i = 0; i < n; ++i) {
            const volatile S product = a(i, 0) * b(i, 0);  // volatile: rounded before it is added
            products += product;
            differences += a(i, 0) - b(i, 0);
        }
        BOOST_TEST(canonical::dot(a.data(), b.data(), n) == products);
        BOOST_TEST(canonical::sum_of(n, difference, a.data(), b.data()) == differences);
    }
}
