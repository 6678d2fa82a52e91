// SPDX-License-Identifier: MIT
// renn/retrace/search.hpp - what a retrace is asked, and what the search for it found.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/index/neuron_index.hpp>
#include <renn/index/window.hpp>
#include <renn/retrace/spares.hpp>
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
    const std::uint32_t* order = nullptr;  ///< of its sorted column if that is an array, or of what was found
    const double* distances = nullptr;     ///< of what was found, in several dimensions
    double query = 0.0;
    Window window;
    bool votes = true;         ///< false where the tie policy makes it abstain
    bool zeros = false;        ///< the tied group is that of all samples a rectifier holds at 0
    std::uint32_t chosen = 0;  ///< with lowest_id: where its chosen samples begin
};

namespace detail {

inline constexpr std::uint32_t no_sample = static_cast<std::uint32_t>(-1);

/// Memory that queries use one after the other.
struct QueryMemory {
    VotePool votes;
    Spares<NeuronAnswer> answers;
};

/// A search that was run: immutable, shared by all the views on it.
template <class Index>
struct Search {
    using Scalar = typename Index::Scalar;

    explicit Search(std::shared_ptr<const Index> searched, std::shared_ptr<QueryMemory> used)
        : index(std::move(searched)), memory(std::move(used)), neurons(memory->answers.take()) {}
    Search(const Search&) = default;
    Search& operator=(const Search&) = delete;
    ~Search() { memory->answers.give(std::move(neurons)); }

    std::shared_ptr<const Index> index;
    std::shared_ptr<QueryMemory> memory;
    RetraceOptions options;
    std::uint32_t without = no_sample;                         ///< position of the sample left out
    std::shared_ptr<const std::vector<char>> allowed;          ///< one a sample, or null: all
    std::vector<NeuronAnswer> neurons;                         ///< by point, then unit
    std::vector<std::uint32_t> chosen;                         ///< positions that lowest_id chose from tied groups
    std::vector<std::shared_ptr<const NearestSamples>> found;  ///< by neurons in several dimensions
    std::vector<Scalar> outputs;                               ///< of the model for the query
    std::int32_t prediction = -1;                              ///< -1 for a model without outputs

    /// Calls f(samples, count) for those at the places [begin, end) of an answer, in pieces.
    template <class F>
    void read(const NeuronAnswer& a, std::uint32_t begin, std::uint32_t end, F&& f) const {
        if constexpr (Index::packed) {
            if (a.order == nullptr) return index->entry(a.unit).column.order.read(begin, end, f);
        }
        index->check(a.order + begin, end - begin);
        f(a.order + begin, std::size_t{end - begin});
    }

    /// Place of a sample among those of an answer, or tied_end where it is not among them. Looks at every place.
    std::uint32_t place_of(const NeuronAnswer& a, std::uint32_t sample) const {
        std::uint32_t place = a.window.tied_begin;
        bool there = false;
        read(a, a.window.tied_begin, a.window.tied_end, [&](const std::uint32_t* samples, std::size_t count) {
            if (there) return;
            const auto at = static_cast<std::size_t>(std::find(samples, samples + count, sample) - samples);
            there = at < count;
            place += static_cast<std::uint32_t>(at);
        });
        return place;
    }

    /// Of a sample from the query at one neuron; infinite where it is not as near as the boundary.
    double distance(const NeuronAnswer& a, std::uint32_t sample) const {
        constexpr double far = std::numeric_limits<double>::infinity();
        const std::uint32_t near = a.window.tied_end - a.window.tied_begin;
        // A few samples side by side are looked through sooner than a value somewhere in the store is read.
        if (a.distances == nullptr && near > 512 && !Index::keeps_sorted) {
            return std::abs(static_cast<double>(index->value(a.unit, sample)) - a.query);
        }
        const std::uint32_t at = place_of(a, sample);
        if (at == a.window.tied_end) return far;
        if (a.distances != nullptr) return a.distances[at];
        const auto column = index->entry(a.unit).column;
        if constexpr (!Index::packed) index->check(column.values + at, 1);
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
            raise_unknown("retrace", "layer", name, points, [](const Point& p) { return p.name; });
        }
    }
    for (std::size_t p = 0; p < points.size(); ++p) {
        const bool named =
            std::find(options.layers.begin(), options.layers.end(), points[p].name) != options.layers.end();
        const bool kind = points[p].kind == Kind::pre ? options.pre : options.post;
        if (options.layers.empty() ? kind : named) voting.push_back(static_cast<std::uint32_t>(p));
    }
    if (voting.empty()) {
        const bool pre = std::any_of(points.begin(), points.end(), [](const Point& p) { return p.kind == Kind::pre; });
        raise<DataError>("retrace", "voting neurons", "none",
                         std::string("a kind that was recorded, .") + (pre ? "pre" : "post") + " = true");
    }
    return voting;
}

inline void check_retrace_options(const RetraceOptions& options) {
    if (options.k < 0) raise<DataError>("retrace", "k", std::to_string(options.k), "0 or more");
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
