// SPDX-License-Identifier: MIT
// retraining/datamodelling.hpp - the linear datamodelling score: networks of random halves of the samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <renn/evaluation/linear_datamodelling.hpp>

#include "../support/evaluation.hpp"
#include "../support/table.hpp"
#include "problems.hpp"
#include "scores.hpp"

namespace retraining {

/// Everything that the datamodelling score compares.
inline std::vector<Score> all_scores(const Problem& problem) {
    using Weight = Scores::Weight;
    const Scores make(problem);
    const std::int64_t few = 42, many = make.samples() / 10;
    const Matrix cosine = make.cosine();
    return {
        {"class alone", make.sign()},
        {"cosine of the last hidden layer", cosine},
        {"the same with the class's sign", make.with_sign(cosine)},
        {"last-layer influence", make.influence()},
        {"votes, pre, k = 42", make.votes(few, pre)},
        {"votes, post, k = 42", make.votes(few, post)},
        {"votes, pre, k = S / 10", make.votes(many, pre)},
        {"votes, post, k = S / 10", make.votes(many, post)},
        {"votes of dense1, k = S / 10", make.votes(many, {"dense1"})},
        {"votes of dense2, k = S / 10", make.votes(many, {"dense2"})},
        {"votes of dense3, k = S / 10", make.votes(many, {"dense3"})},
        {"votes by spread, pre, k = S / 10", make.votes(many, pre, Weight::spread)},
        {"votes by gradient x activation, pre, k = S / 10", make.votes(many, pre, Weight::gradient_times_activation)},
        {"support, pre, k = 42", make.support(few, false)},
        {"support, post, k = 42", make.support(few, true)},
        {"support, pre, k = S / 10", make.support(many, false)},
        {"support, post, k = S / 10", make.support(many, true)},
        {"support by spread, pre, k = S / 10", make.with_sign(make.votes(many, pre, Weight::spread))},
        {"support by gradient x activation, pre, k = S / 10",
         make.with_sign(make.votes(many, pre, Weight::gradient_times_activation))}};
}

inline void measure_datamodelling(const std::vector<Problem>& problems) {
    std::printf("## Linear datamodelling score: mean over queries +- its standard error\n\n");
    std::vector<std::string> head{"score"};
    std::vector<std::vector<std::string>> rows;
    for (const Problem& problem : problems) {
        head.push_back(problem.name);
        std::size_t row = 0;
        for (const Score& score : all_scores(problem)) {
            const auto result = renn::linear_datamodelling_score(score.values, problem.subsets, problem.outputs);
            if (row == rows.size()) rows.push_back({score.name});
            rows[row++].push_back(fixed(result.mean, 3) + " +- " + fixed(result.standard_error, 3));
        }
        std::printf("%s: %s samples, %s queries, %zu random halves.\n\n", problem.name.c_str(),
                    count_text(problem.train.samples()).c_str(), count_text(problem.queries.samples()).c_str(),
                    problem.subsets.size());
    }
    Table table(head);
    for (auto& row : rows) table.add(std::move(row));
    table.print();
}

}  // namespace retraining
