// SPDX-License-Identifier: MIT
// renn/retrace/search.hpp - finds, for every neuron, the samples with the closest values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/index/neuron_index.hpp>
#include <renn/index/window.hpp>
#include <renn/retrace/vote_counter.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// What happens where the last of the k places falls inside a group of samples at one distance.
enum class Ties : std::uint8_t {
    share,          ///< the group shares those places equally: the expected vote under random tie-breaking
    strict,         ///< such a neuron does not vote
    skip_inactive,  ///< a neuron with |value| < 1e-7 does not vote, others share (Geiger's thesis)
    lowest_id,      ///< the samples with the lowest ids of the group take the places
};

/// The policy's name as in the code.
inline std::string_view ties_name(Ties ties) noexcept {
    switch (ties) {
        case Ties::share:
            return "share";
        case Ties::strict:
            return "strict";
        case Ties::skip_inactive:
            return "skip_inactive";
        case Ties::lowest_id:
            return "lowest_id";
    }
    return "?";
}

/// Which neurons vote, how many samples each names, and which samples may be sources.
struct RetraceOptions {
    std::int64_t k = 42;  ///< closest samples a neuron; more than there are: all
    Ties ties = Ties::share;
    bool pre = true;                            ///< neurons before the activation vote
    bool post = false;                          ///< neurons behind it vote
    std::vector<std::string> layers = {};       ///< only these places, of either kind; empty: all of the kinds above
    std::vector<std::int32_t> classes = {};     ///< only samples with these labels; empty: all
    std::vector<std::uint64_t> ids = {};        ///< only these samples; empty: all
    std::optional<std::uint64_t> without = {};  ///< all but this sample
};

/// One neuron's answer: its own value for the query, and the closest recorded ones as ranges of its sorted column; of a
/// neuron in several dimensions, as ranges of what was found.
struct NeuronAnswer {
    Unit unit;
    const std::uint32_t* order = nullptr;  ///< of its sorted column, or of what was found
    const double* distances = nullptr;     ///< of what was found, in several dimensions
    double query = 0.0;
    Window window;
    bool votes = true;         ///< false where the tie policy makes it abstain
    bool zeros = false;        ///< the tied group is that of all samples a rectifier holds at 0
    std::uint32_t chosen = 0;  ///< with lowest_id: where its chosen samples begin
};

namespace detail {

inline constexpr std::uint32_t no_sample = static_cast<std::uint32_t>(-1);

/// A search that was run: immutable, shared by all the views on it.
template <class Index>
struct Search {
    using Scalar = typename Index::Scalar;

    std::shared_ptr<const Index> index;
    std::shared_ptr<VotePool> pool;
    RetraceOptions options;
    std::uint32_t without = no_sample;                         ///< position of the sample left out
    std::shared_ptr<const std::vector<char>> allowed;          ///< one a sample, or null: all
    std::vector<NeuronAnswer> neurons;                         ///< by point, then unit
    std::vector<std::uint32_t> chosen;                         ///< positions that lowest_id chose from tied groups
    std::vector<std::shared_ptr<const NearestSamples>> found;  ///< by neurons in several dimensions
    std::vector<Scalar> outputs;                               ///< of the model for the query
    std::int32_t prediction = -1;                              ///< -1 for a model without outputs

    /// Place of a sample among those of an answer, or tied_end where it is not among them. Looks at every place.
    static std::uint32_t place_of(const NeuronAnswer& a, std::uint32_t sample) {
        const std::uint32_t* end = a.order + a.window.tied_end;
        return static_cast<std::uint32_t>(std::find(a.order + a.window.tied_begin, end, sample) - a.order);
    }

    /// Of a sample from the query at one neuron; infinite where it is not as near as the boundary.
    double distance(const NeuronAnswer& a, std::uint32_t sample) const {
        constexpr double far = std::numeric_limits<double>::infinity();
        const std::uint32_t near = a.window.tied_end - a.window.tied_begin;
        // A few samples side by side are looked through sooner than a value somewhere in the store is read.
        if (a.distances == nullptr && near > 512 && !Index::keeps_sorted) {
            return std::abs(static_cast<double>(index->value(a.unit, sample)) - a.query);
        }
        if (a.distances == nullptr) index->check(a.order + a.window.tied_begin, near);
        const std::uint32_t at = place_of(a, sample);
        if (at == a.window.tied_end) return far;
        if (a.distances != nullptr) return a.distances[at];
        const auto column = index->entry(a.unit).column;
        index->check(column.values + at, 1);
        return column.distance(at, a.query);
    }

    bool everyone() const noexcept { return without == no_sample && allowed == nullptr; }
    bool admits(std::uint32_t sample) const noexcept {
        return sample != without && (allowed == nullptr || (*allowed)[sample] != 0);
    }
};

/// By the members `classes` and `ids` of the options: one char a sample, or null where all are allowed.
template <class Store, class Options>
std::shared_ptr<const std::vector<char>> allowed_samples(const Store& store, const Options& options) {
    if (options.classes.empty() && options.ids.empty()) return nullptr;
    const auto n = static_cast<std::size_t>(store.samples());
    auto allowed = std::make_shared<std::vector<char>>(n, options.ids.empty() ? char{1} : char{0});
    for (const std::uint64_t id : options.ids) (*allowed)[static_cast<std::size_t>(store.position_of(id))] = 1;
    if (!options.classes.empty()) {
        if (store.labels.empty())
            raise<DataError>("retrace", "classes", "a restriction", "none: no labels were recorded");
        for (std::size_t s = 0; s < n; ++s) {
            const bool wanted =
                std::find(options.classes.begin(), options.classes.end(), store.labels[s]) != options.classes.end();
            if (!wanted) (*allowed)[s] = 0;
        }
    }
    return allowed;
}

/// Points that vote.
inline std::vector<std::uint32_t> voting_points(const std::vector<Point>& points, const RetraceOptions& options) {
    std::vector<std::uint32_t> voting;
    for (const std::string& name : options.layers) {
        const auto same = [&](const Point& p) { return p.name == name; };
        if (std::none_of(points.begin(), points.end(), same)) {
            std::string known;
            for (const Point& p : points) known += (known.empty() ? "" : ", ") + p.name;
            raise<DataError>("retrace", "layer", "\"" + name + "\"", "one of " + known);
        }
    }
    for (std::size_t p = 0; p < points.size(); ++p) {
        const bool named =
            std::find(options.layers.begin(), options.layers.end(), points[p].name) != options.layers.end();
        const bool kind = points[p].kind == Kind::pre ? options.pre : options.post;
        if (options.layers.empty() ? kind : named) voting.push_back(static_cast<std::uint32_t>(p));
    }
    if (voting.empty()) {
        raise<DataError>("retrace", "voting neurons", "none", "a kind (pre, post) that was recorded");
    }
    return voting;
}

inline void check_retrace_options(const RetraceOptions& options) {
    if (options.k < 0) raise<DataError>("retrace", "k", std::to_string(options.k), "0 or more");
}

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
            search.index->check(answer.order + begin, end - begin);
            for (std::uint32_t i = begin; i < end; ++i) {
                if (search.admits(answer.order[i])) search.chosen.push_back(answer.order[i]);
            }
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
    answer.order = entry.column.order;
    answer.query = query;
    Window& w = answer.window;
    if (search.allowed != nullptr) {
        w = find_window_among(entry.column, query, k, position, [&](std::uint32_t sample) {
            return sample < entry.column.size && search.admits(sample);
        });
    } else if (search.without != no_sample) {
        search.index->check(entry.column.order + position, position < entry.column.size ? 1 : 0);
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
            if (alone_) prefetch(a.order + a.window.closer_begin, std::min(a.window.closer, 256U));
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
                prefetch(column.values + from, std::min(2 * reach, column.size - from));
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

}  // namespace detail
}  // namespace renn::inline RENN_ABI
