// SPDX-License-Identifier: MIT
// labels: threads
// Memory that is used again, and how much of it is kept.
#define BOOST_TEST_MODULE spares
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <thread>
#include <vector>

#include <renn/retrace/spares.hpp>

using renn::detail::Spares;

BOOST_AUTO_TEST_CASE(memory_is_used_again_and_holds_nothing) {
    Spares<int> spares;
    BOOST_TEST(spares.take().capacity() == 0u);
    std::vector<int> one(100, 7);
    const int* memory = one.data();
    spares.give(std::move(one));
    std::vector<int> again = spares.take();
    BOOST_TEST(again.empty());
    BOOST_TEST(again.capacity() >= 100u);
    BOOST_TEST(again.data() == memory);
    BOOST_TEST(spares.take().capacity() == 0u);
}

BOOST_AUTO_TEST_CASE(no_more_is_kept_than_allowed) {
    Spares<char> spares;
    spares.give(std::vector<char>());
    BOOST_TEST(spares.take().capacity() == 0u);
    std::vector<char> large;
    large.reserve(Spares<char>::most_bytes + 1);
    spares.give(std::move(large));
    BOOST_TEST(spares.take().capacity() == 0u);

    for (int i = 0; i < 3; ++i) {
        std::vector<char> half;
        half.reserve(Spares<char>::most_bytes / 2);
        spares.give(std::move(half));
    }
    std::vector<std::vector<char>> taken;
    do taken.push_back(spares.take());
    while (taken.back().capacity() > 0);
    BOOST_TEST(taken.size() == 3u);  // two that fit, and one without memory
    for (auto& one : taken) spares.give(std::move(one));
    BOOST_TEST(spares.take().capacity() > 0u);  // what was taken counts no longer

    Spares<char> many;
    for (std::size_t i = 0; i < 2 * Spares<char>::most; ++i) many.give(std::vector<char>(10));
    std::size_t kept = 0;
    while (many.take().capacity() > 0) ++kept;
    BOOST_TEST(kept == Spares<char>::most);
}

BOOST_AUTO_TEST_CASE(several_threads) {
    Spares<int> spares;
    const auto work = [&spares] {
        for (int i = 0; i < 2000; ++i) {
            std::vector<int> a = spares.take(), b = spares.take();
            a.assign(10, i);
            b.assign(20, i);
            spares.give(std::move(a));
            spares.give(std::move(b));
        }
    };
    std::thread other(work);
    work();
    other.join();
    std::size_t kept = 0;
    while (spares.take().capacity() > 0) ++kept;
    BOOST_TEST(kept <= 4u);
    BOOST_TEST(kept >= 2u);
}
