// SPDX-License-Identifier: MIT
// retraining/removal.hpp - networks without the samples that a score puts first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>

#include "../support/evaluation.hpp"
#include "../support/table.hpp"
#include "problems.hpp"
#include "scores.hpp"

namespace retraining {

/// Positions of the samples with the highest scores, equal ones in a random order.
inline Positions highest(const Eigen::VectorXd& score, renn::Index count, renn::Rng& rng) {
    Positions order(static_cast<std::size_t>(score.size()));
    std::iota(order.begin(), order.end(), renn::Index{0});
    renn::shuffle(order, rng);
    std::stable_sort(order.begin(), order.end(), [&](renn::Index a, renn::Index b) { return score[a] > score[b]; });
    order.resize(static_cast<std::size_t>(count));
    return order;
}

inline void measure_removal(const Options& options, const Problem& problem) {
    const Scores make(problem);
    const auto count = static_cast<renn::Index>(options.remove * static_cast<double>(make.samples()));
    const std::int64_t many = make.samples() / 10;
    const std::vector<Score> scores{{"random", Matrix::Zero(make.samples(), make.queries())},
                                    {"random of the query's class", make.sign()},
                                    {"cosine of the last hidden layer", make.cosine()},
                                    {"last-layer influence", make.influence()},
                                    {"votes, pre, k = 42", make.votes(42, pre)},
                                    {"votes, post, k = 42", make.votes(42, post)},
                                    {"votes, pre, k = S / 10", make.votes(many, pre)},
                                    {"support, pre, k = S / 10", make.support(many, false)}};
    renn::Rng rng(renn::mix(options.seed, 17));
    Options often = options;
    often.repeats = 10;
    const Eigen::RowVectorXd whole = outputs_without(often, problem.train, problem.queries, rng.bits());
    std::printf("## Leaving out the %d first of %s samples and training again: %s, %s queries\n\n",
                static_cast<int>(count), count_text(make.samples()).c_str(), problem.name.c_str(),
                count_text(make.queries()).c_str());
    Table table({"left out", "change of log probability", "of the query's class in %"});
    for (const Score& score : scores) {
        std::vector<double> changes;
        double same = 0.0;
        for (renn::Index q = 0; q < make.queries(); ++q) {
            Positions rest(static_cast<std::size_t>(make.samples()));
            std::iota(rest.begin(), rest.end(), renn::Index{0});
            for (const renn::Index s : highest(score.values.col(q), count, rng)) {
                rest[static_cast<std::size_t>(s)] = -1;
                same += problem.train.label(s) == problem.queries.label(q) ? 1.0 : 0.0;
            }
            std::erase(rest, -1);
            const Data query = problem.queries.select(Positions{q});
            changes.push_back(outputs_without(options, problem.train.select(rest), query, rng.bits())[0] - whole[q]);
        }
        double squares = 0.0;
        const double mean = mean_of(changes);
        for (const double c : changes) squares += (c - mean) * (c - mean);
        const auto n = static_cast<double>(changes.size());
        table.add({score.name, fixed(mean, 3) + " +- " + fixed(std::sqrt(squares / (n - 1) / n), 3),
                   percent(same / n / static_cast<double>(count), 1)});
    }
    table.print();
}

}  // namespace retraining
