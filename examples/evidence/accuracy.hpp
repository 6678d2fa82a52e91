// SPDX-License-Identifier: MIT
// evidence/accuracy.hpp - how often the sources alone name the right class, and the network's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <renn/evaluation/evidence_quality.hpp>
#include <renn/retrace/layer_search.hpp>

#include "../support/evaluation.hpp"
#include "../support/table.hpp"
#include "setup.hpp"

namespace evidence {

/// Accuracy and agreement with the network of the majority of the k images closest in the last hidden layer.
inline std::pair<double, double> nearest_by_vector(const renn::LayerSearch<Traced>& search, const Data& test,
                                                   const std::vector<std::int32_t>& predicted, std::int64_t k,
                                                   int threads) {
    double right = 0, agree = 0;
    renn::Batch<float> x;
    for (renn::Index first = 0; first < test.samples(); first += 256) {
        test.inputs(first, std::min<renn::Index>(256, test.samples() - first), x);
        renn::Index at = first;
        for (const renn::LayerSources& near : search.sources(x, {.k = k}, threads)) {
            std::vector<int> count(static_cast<std::size_t>(test.classes()), 0);
            for (const renn::LayerSource& s : near.sources) ++count[static_cast<std::size_t>(s.label)];
            const auto most = static_cast<std::int32_t>(std::max_element(count.begin(), count.end()) - count.begin());
            right += most == test.label(at) ? 1 : 0;
            agree += most == predicted[static_cast<std::size_t>(at)] ? 1 : 0;
            ++at;
        }
    }
    const auto n = static_cast<double>(test.samples());
    return {right / n, agree / n};
}

inline void measure_accuracy(const Options& options, const Traced& traced, const Data& test) {
    const std::vector<std::int32_t> predicted = predictions(traced.network(), test);
    std::printf("## Accuracy of the evidence alone / agreement with the network, in %%\n\n");
    std::printf("The network itself: %s %%.\n\n", percent(part_correct(test, predicted)).c_str());
    const std::vector<std::int64_t> ks{10, 42, 100};
    Table table({"votes of", "k = 10", "k = 42", "k = 100"});
    std::vector<std::vector<std::string>> rows;
    const auto fill = [&](std::size_t row, const std::string& name, double accuracy, double agreement) {
        if (row == rows.size()) rows.push_back({name});
        rows[row].push_back(percent(accuracy) + " / " + percent(agreement));
    };
    const renn::LayerSearch<Traced> search(traced, "relu2");
    for (const std::int64_t k : ks) {
        std::size_t row = 0;
        const auto pre = evidence_quality(traced, test, {.k = k}, options.threads);
        const auto post = evidence_quality(traced, test, {.k = k, .pre = false, .post = true}, options.threads);
        const auto both = evidence_quality(traced, test, {.k = k, .post = true}, options.threads).front();
        for (const auto& [kind, qualities] : {std::pair("pre", &pre), std::pair("post", &post)}) {
            for (const renn::EvidenceQuality& q : *qualities) {
                const std::string name = q.layer.empty() ? "network" : q.layer;
                fill(row++, name + ", " + kind, q.accuracy, q.agreement);
            }
        }
        fill(row++, "network, pre and post", both.accuracy, both.agreement);
        const auto [right, agree] = nearest_by_vector(search, test, predicted, k, options.threads);
        fill(row++, "no votes: k closest by all of relu2", right, agree);
    }
    for (auto& row : rows) table.add(std::move(row));
    table.print();
}

}  // namespace evidence
