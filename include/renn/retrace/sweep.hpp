// SPDX-License-Identifier: MIT
// renn/retrace/sweep.hpp - finds, for every neuron, the samples with the closest values; several queries side by side.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <renn/index/column.hpp>
#include <renn/index/nearest_samples.hpp>
#include <renn/index/window.hpp>
#include <renn/retrace/search.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI::detail {

/// What the tie policy makes of an answer; `activity` is how far from 0 the query's value is.
template <class Index>
void settle_ties(Search<Index>& search, NeuronAnswer& answer, double activity) {
    const Window& w = answer.window;
    const bool tied = w.tied > w.places;
    if (search.options.ties == Ties::strict) answer.votes = !tied;
    if (search.options.ties == Ties::skip_inactive) answer.votes = activity >= 1e-7;
    answer.chosen = static_cast<std::uint32_t>(search.chosen.size());
    if (search.options.ties == Ties::lowest_id && tied) {
        const auto& ids = search.index->store().ids;
        const auto from = static_cast<std::ptrdiff_t>(search.chosen.size());
        const auto collect = [&](std::uint32_t begin, std::uint32_t end) {
            search.read(answer, begin, end, [&search](const std::uint32_t* samples, std::size_t count) {
                for (std::size_t i = 0; i < count; ++i) {
                    if (search.admits(samples[i])) search.chosen.push_back(samples[i]);
                }
            });
        };
        collect(w.tied_begin, w.closer_begin);
        collect(w.closer_end, w.tied_end);
        const auto first = search.chosen.begin() + from;
        const auto places = std::min<std::ptrdiff_t>(w.places, search.chosen.end() - first);
        std::nth_element(first, first + places, search.chosen.end(),
                         [&ids](std::uint32_t a, std::uint32_t b) { return ids[a] < ids[b]; });
        search.chosen.resize(static_cast<std::size_t>(from) + w.places);
    }
}

template <class Index>
void answer_neuron(Search<Index>& search, Unit u, const typename Index::Entry& entry, double query,
                   std::uint32_t position) {
    const auto k = static_cast<std::uint32_t>(std::min<std::int64_t>(search.options.k, entry.column.size));
    NeuronAnswer& answer = search.neurons.emplace_back();
    answer.unit = u;
    if constexpr (!Index::packed) answer.order = entry.column.order;
    answer.query = query;
    Window& w = answer.window;
    if (search.allowed != nullptr) {
        w = find_window_among(entry.column, query, k, position, [&](std::uint32_t sample) {
            return sample < entry.column.size && search.admits(sample);
        });
    } else if (search.without != no_sample) {
        if constexpr (!Index::packed) {
            search.index->check(entry.column.order + position, position < entry.column.size ? 1 : 0);
        }
        const bool itself = position < entry.column.size && entry.column.order[position] == search.without;
        const std::uint32_t hole = itself ? position : search.index->place_of(u, search.without);
        w = find_window(entry.column.without(hole), query, k, position - (hole < position ? 1U : 0U));
        // From places without the hole to places with it: the ranges may then contain it, and readers skip it.
        for (std::uint32_t* edge : {&w.tied_begin, &w.closer_begin, &w.closer_end, &w.tied_end}) {
            if (*edge > hole) ++*edge;
        }
    } else {
        w = find_window(entry.column, query, k, position);
    }
    search.index->check_window(entry, query, k, position, w, search.allowed != nullptr);
    const bool tied = w.tied > w.places;
    if (tied && search.index->clipped_number(u) >= 0) {
        const bool below = w.tied_begin < w.closer_begin, above = w.closer_end < w.tied_end;
        const std::uint32_t last = below ? w.closer_begin - 1 : w.tied_end - 1;  // the largest value of the only run
        answer.zeros = below != above && !(entry.column.values[last] > 0);
    }
    settle_ties(search, answer, std::abs(query));
}

/// One neuron in several dimensions; everything as in one, by Euclidean distance.
template <class Index>
NeuronAnswer answer_channel(Search<Index>& search, Unit u, const std::vector<double>& query) {
    const auto found = std::make_shared<const NearestSamples>(search.index->tree(u).nearest(
        query, search.options.k, [&search](std::uint32_t sample) { return search.admits(sample); }));
    search.found.push_back(found);
    double sum = 0.0, largest = 0.0;
    for (const double value : query) {
        sum += value;
        largest = std::max(largest, std::abs(value));
    }
    NeuronAnswer answer{.unit = u,
                        .order = found->samples.data(),
                        .distances = found->distances.data(),
                        .query = sum / static_cast<double>(query.size()),
                        .window = {}};
    Window& w = answer.window;
    const auto size = static_cast<std::uint32_t>(found->samples.size());
    w.closer_end = w.closer = found->closer;
    w.tied_end = size;
    w.tied = size - found->closer;
    w.places = static_cast<std::uint32_t>(std::min<std::int64_t>(search.options.k, size)) - w.closer;
    w.boundary = found->boundary;
    settle_ties(search, answer, largest);
    return answer;
}

/// Searches that go side by side: while one waits for memory the others go on.
template <class Index>
class Sweep {
public:
    using Scalar = typename Index::Scalar;
    using Entry = typename Index::Entry;

    /// Of one query only: then its votes are counted next, and their memory is asked for.
    explicit Sweep(bool alone) : alone_(alone) {}

    /// One more; its answer is there after `finish`, behind those of its query that were added before.
    void add(Search<Index>& search, Unit u, const Entry& entry, Scalar value) {
        tasks_[count_] = {&search, u, entry, static_cast<double>(value), Scalar(0), 0};
        if (++count_ == width) finish();
    }

    void finish() {
        const std::span<Task> tasks(tasks_, std::exchange(count_, 0U));
        if (!tasks.empty()) place(tasks);
        for (const Task& t : tasks) {
            answer_neuron(*t.search, t.unit, t.entry, t.query, t.position);
            const NeuronAnswer& a = t.search->neurons.back();
            const std::uint32_t soon = alone_ ? std::min(a.window.closer, 256U) : 0;
            if constexpr (Index::packed) {
                t.entry.column.order.prefetch(a.window.closer_begin, soon);
            } else {
                prefetch(a.order + a.window.closer_begin, soon);
            }
        }
    }

private:
    static constexpr std::uint32_t width = 16;
    static constexpr std::uint32_t reach = 28;  ///< where the nearest of a place most often are

    struct Task {
        Search<Index>* search;
        Unit unit;
        Entry entry;
        double query;
        Scalar least;
        std::uint32_t position;  ///< how many values are below the query
    };

    static void place(std::span<Task> tasks) {
        if constexpr (requires { typename Index::Policy::Layout; }) {
            const typename Index::Policy::Layout layout(tasks[0].entry.column.size);  // all columns are equally long
            for (Task& t : tasks) {
                t.least = t.entry.column.least(t.query);
                t.entry.locator->prefetch(t.entry.column, layout, 0, 0);
            }
            for (std::uint32_t level = 0; level < layout.depth; ++level) {
                for (Task& t : tasks) {
                    t.position = t.entry.locator->descend(layout, level, t.position, t.least);
                    t.entry.locator->prefetch(t.entry.column, layout, level + 1, t.position);
                }
            }
            for (Task& t : tasks) {
                const auto& column = t.entry.column;
                t.position = t.entry.locator->finish(column, t.position, t.least);
                const std::uint32_t from = t.position - std::min(t.position, reach);
                const std::uint32_t count = std::min(2 * reach, column.size - from);
                if constexpr (Index::packed) {
                    column.values.prefetch(from, from + count);
                } else {
                    prefetch(column.values + from, count);
                }
            }
        } else {
            for (Task& t : tasks) t.position = t.entry.locator->position(t.entry.column, t.query);
        }
    }

    Task tasks_[width] = {};
    std::uint32_t count_ = 0;
    bool alone_;
};

/// Runs some queries, neuron by neuron, so that a neuron's column stays in the cache; `values(point, q)` are those of
/// every unit of a voting point, or of every dimension of it, for query q. Needs no memory but the answers'.
template <class Index, class Values>
void run_searches(std::span<const std::shared_ptr<Search<Index>>> searches, const std::vector<std::uint32_t>& voting,
                  const Values& values) {
    const Index& index = *searches.front()->index;
    const auto& points = index.store().points;
    std::size_t total = 0;
    for (const std::uint32_t p : voting) total += points[p].units.size();
    for (const auto& search : searches) search->neurons.reserve(total);
    Sweep<Index> sweep(searches.size() == 1);
    std::vector<double> place;
    for (const std::uint32_t p : voting) {
        const auto dimensions = static_cast<std::size_t>(points[p].dimensions());
        for (std::uint32_t u = 0; u < points[p].units.size(); ++u) {
            if (dimensions == 1) {
                const std::uint32_t row = points[p].by_channel() ? u : points[p].units[u];
                const auto entry = index.entry({p, u});
                for (std::size_t q = 0; q < searches.size(); ++q) {
                    sweep.add(*searches[q], {p, u}, entry, values(p, q)[row]);
                }
            } else {
                for (std::size_t q = 0; q < searches.size(); ++q) {
                    const auto* first = values(p, q) + u * dimensions;
                    place.assign(first, first + dimensions);
                    searches[q]->neurons.push_back(answer_channel(*searches[q], {p, u}, place));
                }
            }
        }
        sweep.finish();
    }
}

}  // namespace renn::inline RENN_ABI::detail
