// SPDX-License-Identifier: MIT
// evidence/sources.hpp - how many of the most voted sources mean anything.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>

#include <renn/evaluation/source_curve.hpp>
#include <renn/retrace/elbow.hpp>

#include "../support/table.hpp"
#include "setup.hpp"

namespace evidence {

inline void measure_sources(const Options& options, const Traced& traced, const Data& test) {
    const auto ranks = static_cast<std::size_t>(std::min<renn::Index>(traced.store().samples(), 10000));
    std::printf("## How many sources mean anything, k = %d\n\n", static_cast<int>(options.k));
    for (const bool post : {false, true}) {
        const renn::SourceCurve curve =
            source_curve(traced, test, ranks, {.k = options.k, .pre = !post, .post = post}, options.threads);
        const auto bend_within = [&](std::size_t m) {
            return renn::elbow(std::span(curve.share).first(std::min(m, ranks))).value_or(1);
        };
        std::printf("%s: the curve of vote shares bends at rank %zu of the first 200, %zu of 2,000, %zu of %zu.\n\n",
                    post ? "Post-activations" : "Pre-activations", bend_within(200), bend_within(2000),
                    bend_within(ranks), ranks);
        Table table({"sources m", "share of the m-th", "share of the first m", "m-th has the predicted class",
                     "accuracy of the first m", "agreement", "accuracy of all but the first m"});
        double sum = 0.0;
        std::size_t done = 0;
        for (const std::size_t m : {1U, 2U, 5U, 10U, 20U, 50U, 100U, 200U, 500U, 1000U, 2000U, 5000U, 10000U}) {
            if (m > ranks) break;
            for (; done < m; ++done) sum += curve.share[done];
            table.add({std::to_string(m), percent(curve.share[m - 1], 3), percent(sum, 1),
                       percent(curve.same[m - 1], 1), percent(curve.accuracy[m - 1]), percent(curve.agreement[m - 1]),
                       percent(curve.beyond[m - 1])});
        }
        table.print();
    }
}

}  // namespace evidence
