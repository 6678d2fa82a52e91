// SPDX-License-Identifier: MIT
// renn/attribution/taylor/ranking.hpp - the terms a network rests on most, and the inputs they are made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <renn/attribution/taylor/coefficients.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// The best part of all terms, rounded up: 0.05 of 495 are 25.
struct TopShare {
    double share = 0.05;
};
/// So many of the best terms.
struct TopCount {
    std::size_t count = 10;
};
/// As many of the best terms as it takes for this part of the sum of all values.
struct TopMass {
    double mass = 0.9;
};
/// How many terms count as relevant.
using TaylorSelection = std::variant<TopShare, TopCount, TopMass>;

/// Places of the terms by descending value, of equal ones the first; terms of constant inputs are left out.
inline std::vector<std::size_t> rank(const TaylorCoefficients& t) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < t.terms.size(); ++i) {
        if (!t.terms[i].constant) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return t.terms[a].value > t.terms[b].value; });
    return order;
}

/// The best ranked terms.
/// Throws   DataError for a part that is not in 0..1.
inline std::vector<std::size_t> select(const TaylorCoefficients& t, const TaylorSelection& selection = TopShare{}) {
    std::vector<std::size_t> order = rank(t);
    const auto checked = [](const char* what, double part) {
        if (part >= 0.0 && part <= 1.0) return part;
        detail::raise<DataError>("select", what, std::to_string(part), "0..1");
    };
    std::size_t count = 0;
    if (const auto* top = std::get_if<TopShare>(&selection)) {
        const double wanted = checked("share", top->share) * static_cast<double>(order.size());
        count = static_cast<std::size_t>(std::ceil(wanted - 1e-9));
    } else if (const auto* first = std::get_if<TopCount>(&selection)) {
        count = std::min(first->count, order.size());
    } else {
        double all = 0.0, sum = 0.0;
        for (const std::size_t i : order) all += t.terms[i].value;
        const double wanted = checked("mass", std::get<TopMass>(selection).mass) * all * (1.0 - 1e-12);
        while (count < order.size() && sum < wanted) sum += t.terms[order[count++]].value;
    }
    order.resize(count);
    return order;
}

/// The inputs that selected terms are made of, ascending.
inline std::vector<Index> variables(const TaylorCoefficients& t, const std::vector<std::size_t>& selected) {
    std::set<Index> found;
    for (const std::size_t i : selected) found.insert(t.terms[i].variables.begin(), t.terms[i].variables.end());
    return {found.begin(), found.end()};
}

}  // namespace renn::inline RENN_ABI
