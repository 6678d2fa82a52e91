// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE vote_counter
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/retrace/vote_counter.hpp>

using renn::Rng;
using renn::detail::Candidate;
using renn::detail::VoteCounter;

namespace {

/// Every sample whose votes may be among the m largest once up to `shared` more come to each.
std::vector<std::uint32_t> expected_leaders(const std::vector<std::uint32_t>& votes, std::size_t m, double shared) {
    std::vector<std::uint32_t> sorted = votes;
    std::sort(sorted.rbegin(), sorted.rend());
    const double least = static_cast<double>(sorted[std::min(m, sorted.size()) - 1]) - shared;
    std::vector<std::uint32_t> found;
    for (std::uint32_t s = 0; s < votes.size(); ++s) {
        const auto count = static_cast<double>(votes[s]);
        if (count >= least && (shared > 0.0 || count > 0.0)) found.push_back(s);
    }
    return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_form_of_counting_finds_the_same_leaders_and_starts_anew) {
    Rng rng(31);
    VoteCounter counter;  // used again and again, for sets of every size
    int missing = 0, wrong = 0, left = 0;
    for (int round = 0; round < 300; ++round) {
        const std::size_t samples = 1 + rng.below(round % 3 == 0 ? 20000 : 700);
        const std::size_t votes = 1 + rng.below(round % 2 == 0 ? 40 : 2000);
        const std::size_t neurons = round % 5 == 0 ? 70000 : 1 + rng.below(300);  // 70000: counters of 32 bits
        std::vector<std::uint32_t> counts(samples, 0U);
        counter.begin(samples, votes, neurons);
        for (std::size_t v = 0; v < votes; ++v) {
            const auto sample = static_cast<std::uint32_t>(rng.below(1 + rng.below(samples)));
            ++counts[sample];
            counter.add(&sample, 1);
        }
        for (std::uint32_t s = 0; s < samples; ++s) wrong += counter.votes(s) != counts[s] ? 1 : 0;
        if (round % 7 == 0) {
            counter.take_all([&](std::uint32_t s, std::uint32_t had) {
                wrong += counts[s] != had ? 1 : 0;
                counts[s] = 0;
            });
            left += std::count(counts.begin(), counts.end(), 0U) != static_cast<std::ptrdiff_t>(samples) ? 1 : 0;
            continue;
        }
        if (round % 11 == 0) continue;  // as if an error came between
        const std::size_t m = 1 + rng.below(std::min<std::size_t>(samples, 30));
        const double shared = round % 4 == 0 ? 0.0 : rng.uniform() * (round % 4);
        std::vector<Candidate> leaders;
        counter.take_leaders(m, shared, leaders);
        std::vector<char> seen(samples, char{0});
        for (const Candidate& c : leaders) {
            wrong += c.votes != static_cast<double>(counts[c.sample]) || seen[c.sample] != 0 ? 1 : 0;
            seen[c.sample] = 1;
        }
        for (const std::uint32_t s : expected_leaders(counts, m, shared)) missing += seen[s] == 0 ? 1 : 0;
    }
    BOOST_TEST(missing == 0);
    BOOST_TEST(wrong == 0);
    BOOST_TEST(left == 0);
}
