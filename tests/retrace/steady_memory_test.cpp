// SPDX-License-Identifier: MIT
// labels: long_running
#define BOOST_TEST_MODULE steady_memory
#include <malloc.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <renn/retrace/traced_network.hpp>

#include "support/allocations.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::Index;

namespace {

/// Bytes that are asked for and not given back, of the whole process.
std::size_t bytes_in_use() {
#if defined(__GLIBC__) && !defined(RENN_TEST_SANITIZED)
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;  // sanitizers look for leaks themselves
#endif
}

/// Answers of every kind to one query.
template <class Traced>
double ask(const Traced& traced, std::uint64_t number) {
    const Batch<float> x = renn::test::random_batch<float>(3, 1, number % 1000);
    const auto answer = traced.retrace(x, {.k = 3, .post = number % 2 == 0});
    double sum = answer.top(4).front().votes + answer.evidence().front();
    if (number % 16 == 0) sum += answer.dense().front() + answer.layer(0).top(1).front().votes;
    return sum;
}

template <class Policy>
void memory_stays(std::uint64_t queries) {
    const auto traced = renn::test::small_traced<Policy>();
    double sum = 0;
    for (std::uint64_t q = 0; q < 1000; ++q) sum += ask(traced, q);
    std::vector<std::size_t> seen;
    seen.reserve(10);
    const std::size_t before = bytes_in_use();
    for (std::uint64_t q = 0; q < queries; ++q) {
        sum += ask(traced, q);
        if ((q + 1) % (queries / 10) == 0) seen.push_back(bytes_in_use());
    }
    BOOST_TEST(sum > 0.0);
    BOOST_TEST(seen.front() <= before + 4096);  // scratch that is kept may still grow by a page, but not on and on
    for (const std::size_t bytes : seen) BOOST_TEST(bytes == seen.front());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_hundred_thousand_retraces_leave_no_memory_behind) {
    const std::uint64_t queries = renn::test::counts_allocations ? 100000 : 2000;
    memory_stays<renn::Sorted>(queries);
    memory_stays<renn::KdTree>(queries / 10);
}
