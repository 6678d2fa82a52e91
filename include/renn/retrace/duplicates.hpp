// SPDX-License-Identifier: MIT
// renn/retrace/duplicates.hpp - recorded samples that the network cannot tell apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Groups of two or more samples at distance 0 in every recorded place: the same input twice, or inputs that differ
/// only in what the network does not look at. Ids ascend in a group, groups by their first id. Exact: a store of
/// rounded values (tracing/reduced.hpp) gives the samples that it cannot tell apart.
/// Cost   O(n log n) for the first neuron; each further one looks only at samples that are still equal to another.
template <class Store>
std::vector<std::vector<std::uint64_t>> duplicates(const Store& store) {
    using S = typename Store::Scalar;
    struct Member {
        std::uint32_t group, sample;
        S value;
    };
    const auto before = [](const Member& a, const Member& b) {
        return a.group != b.group ? a.group < b.group : a.value < b.value;
    };
    const auto same = [](const Member& a, const Member& b) { return a.group == b.group && a.value == b.value; };

    std::vector<Member> members(static_cast<std::size_t>(store.samples()));
    for (std::size_t s = 0; s < members.size(); ++s) members[s] = {0, static_cast<std::uint32_t>(s), S(0)};
    const auto refine = [&](Unit unit, Index dimension, std::vector<S>& scratch) {
        const std::span<const S> values = store.values(unit, dimension, scratch);
        for (Member& m : members) m.value = values[m.sample];
        std::sort(members.begin(), members.end(), before);
        std::size_t kept = 0;
        std::uint32_t group = 0;
        for (std::size_t begin = 0, end = 0; begin < members.size(); begin = end) {
            while (end < members.size() && same(members[begin], members[end])) ++end;
            if (end - begin < 2) continue;
            for (std::size_t i = begin; i < end; ++i) members[kept++] = {group, members[i].sample, S(0)};
            ++group;
        }
        members.resize(kept);
    };
    std::vector<S> scratch;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;  // follows from one that is
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) {
            for (Index d = 0; d < store.points[p].dimensions() && !members.empty(); ++d) refine({p, u}, d, scratch);
        }
    }

    std::vector<std::vector<std::uint64_t>> groups;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i == 0 || members[i].group != members[i - 1].group) groups.emplace_back();
        groups.back().push_back(store.ids[members[i].sample]);
    }
    for (auto& group : groups) std::sort(group.begin(), group.end());
    std::sort(groups.begin(), groups.end());
    return groups;
}

}  // namespace renn::inline RENN_ABI
