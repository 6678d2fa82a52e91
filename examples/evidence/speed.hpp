// SPDX-License-Identifier: MIT
// evidence/speed.hpp - seconds for a retrace of every test image.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>

#include "../support/evaluation.hpp"
#include "../support/table.hpp"
#include "../support/watch.hpp"
#include "setup.hpp"

namespace evidence {

/// Of the test images from `first` up to `end`, with their most voted sources or without.
template <class AnyTraced>
void retrace_all(const AnyTraced& traced, const Data& test, renn::Index first, renn::Index end,
                 const renn::RetraceOptions& asked, bool top) {
    renn::Batch<float> x;
    renn::VoteScratch scratch;
    double seen = 0.0;
    for (; first < end; first += 64) {
        test.inputs(first, std::min<renn::Index>(64, end - first), x);
        for (const auto& answer : traced.retrace_batch(x, asked)) {
            seen += top ? answer.top(20, scratch).front().votes : answer.total();
        }
    }
    if (std::isnan(seen)) std::printf("?");  // so that the compiler leaves nothing out
}

template <class Policy>
void time_retraces(const Options& options, const Net& net, const Data& train, const Data& test, Table& table) {
    renn::TracedNetwork<Net, renn::MemoryStore<float>, Policy> traced(net);
    traced.record(train);
    traced.index().build();
    const renn::RetraceOptions asked{.k = options.k, .post = true};
    std::vector<std::string> row{std::string(Policy::name)};
    for (const bool top : {false, true}) {
        double best = 1e9, least = 1e9;
        for (int round = 0; round < 3; ++round) {
            const Watch watch;
            const std::clock_t begin = std::clock();
            std::vector<std::thread> team;
            for (renn::Index t = 0; t < 2; ++t) {
                team.emplace_back([&, t] {
                    retrace_all(traced, test, test.samples() * t / 2, test.samples() * (t + 1) / 2, asked, top);
                });
            }
            for (std::thread& t : team) t.join();
            best = std::min(best, watch.seconds());
            least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
        }
        row.push_back(fixed(best, 2) + " (" + fixed(least, 2) + ")");
        std::fprintf(stderr, "%s: %s s\n", row.front().c_str(), row.back().c_str());
    }
    table.add(row);
}

inline void measure_speed(const Options& options, const Net& net, const Data& train, const Data& test) {
    std::printf(
        "## Seconds for a retrace of %s test images to %s sources, pre and post, k = %d, two threads "
        "(in brackets: processor time of both)\n\n",
        count_text(test.samples()).c_str(), count_text(train.samples()).c_str(), static_cast<int>(options.k));
    Table table({"index", "forward pass and search", "and the 20 most voted sources"});
    time_retraces<renn::Sorted>(options, net, train, test, table);
    time_retraces<renn::KdTree>(options, net, train, test, table);
    table.print();
}

}  // namespace evidence
