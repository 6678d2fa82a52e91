// SPDX-License-Identifier: MIT
// renn/retrace/retrace.hpp - the answer: the training samples a prediction rests on.
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
#include <renn/retrace/search.hpp>
#include <renn/retrace/votes.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/version.hpp>

namespace renn::inline RENN_ABI {

/// A recorded sample near a query at one neuron.
struct Neighbour {
    std::uint64_t id = 0;
    double value = 0.0;     ///< the neuron's for that sample; of a channel in several dimensions, their mean
    double distance = 0.0;  ///< |value - the query's|, in several dimensions the Euclidean one

    bool operator==(const Neighbour&) const = default;
};

/// One neuron of an answer.
struct NeuronSources {
    double value = 0.0;                 ///< the neuron's for the query
    std::vector<Neighbour> neighbours;  ///< the k closest, by (distance, id)
    double boundary = 0.0;              ///< distance of the k-th
    std::size_t closer = 0;             ///< samples nearer than that; they get a vote each
    std::size_t tied = 0;               ///< samples at it; they compete for k - closer places
    std::size_t places = 0;
    bool votes = true;  ///< false where the tie policy makes the neuron abstain

    bool operator==(const NeuronSources&) const = default;
};

/// What produced an answer.
struct Provenance {
    std::string library;  ///< version of renn
    std::string index;    ///< index policy
    std::string ties;     ///< tie policy
    std::int64_t k = 0;
    std::uint64_t fingerprint = 0;  ///< of the model
    std::string build;              ///< compiler, instruction set and scalar of the recording
    bool same_build = true;         ///< this program was built the same way, so equal activations have equal bits

    bool operator==(const Provenance&) const = default;
};

/// The sources of one query: for the network (this object itself), for each layer, for each neuron. A value: it keeps
/// alive what it refers to and does not change, whatever happens to the traced network.
template <class Index>
class Retrace : public Votes<Index> {
public:
    using Scalar = typename Index::Scalar;

    explicit Retrace(std::shared_ptr<const detail::Search<Index>> search)
        : Votes<Index>(search, 0, search->neurons.size()) {}

    /// The model's outputs for the query, and its class; -1 for a model without outputs.
    const std::vector<Scalar>& outputs() const noexcept { return this->search_->outputs; }
    std::int32_t prediction() const noexcept { return this->search_->prediction; }
    const std::vector<std::string>& class_names() const noexcept { return this->store().class_names; }

    /// The recording that was searched, and what was asked.
    using Votes<Index>::store;
    const RetraceOptions& options() const noexcept { return this->search_->options; }
    /// Id of the sample left out, by the options or by retrace_without_self.
    std::optional<std::uint64_t> without() const {
        if (this->search_->without == detail::no_sample) return std::nullopt;
        return store().ids[this->search_->without];
    }
    /// for_each_tied(number, f): positions in store() of the samples at the boundary of a neuron, by its number among
    /// all that voted, in no particular order.
    using Votes<Index>::for_each_tied;
    /// for_each_single(number, f): the same of the samples that get a whole vote of a neuron.
    using Votes<Index>::for_each_single;

    /// The part of a vote that each sample at a neuron's boundary gets; 0 where none is shared.
    double tied_share(std::size_t number) const {
        require_neuron("Retrace::tied_share", number);
        return this->is_group(this->search_->neurons[number]) ? this->share(number) : 0.0;
    }
    /// Number, in the index's table of clipped samples, of a neuron whose boundary is that of all samples which its
    /// rectifier holds at 0; -1 for any other neuron and where sources are restricted.
    std::ptrdiff_t tied_zeros(std::size_t number) const {
        require_neuron("Retrace::tied_zeros", number);
        const NeuronAnswer& a = this->search_->neurons[number];
        return a.zeros && this->search_->allowed == nullptr ? this->search_->index->clipped_number(a.unit) : -1;
    }
    /// The index that was searched.
    const Index& index() const noexcept { return *this->search_->index; }

    /// Whether the sources speak for the class that the model predicts; false if nobody voted.
    bool agreement() const { return prediction() >= 0 && this->evidence_class() == prediction(); }

    /// Points that voted, in the order of the pass.
    std::vector<std::string> layers() const {
        std::vector<std::string> names;
        for (const auto& [point, begin, end] : ranges()) names.push_back(this->store().points[point].name);
        return names;
    }

    /// What layer(number) is: its name, kind and units.
    const Point& place(std::size_t number) const {
        const auto all = ranges();
        if (number >= all.size()) {
            detail::raise<DataError>("Retrace::place", "number", std::to_string(number),
                                     "below " + std::to_string(all.size()));
        }
        return this->store().points[all[number].point];
    }

    /// Units of layer(number) that voted, ascending: all of place(number), or those that only() left.
    std::vector<std::uint32_t> units(std::size_t number) const {
        const Point& point = place(number);
        const Range range = ranges()[number];
        std::vector<std::uint32_t> found;
        for (std::size_t i = range.begin; i < range.end; ++i) {
            found.push_back(point.units[this->search_->neurons[i].unit.unit]);
        }
        return found;
    }

    /// The answer of some neurons alone, as if no others voted: `answer.only({{"dense1", {0, 1, 2}}})`. Places that are
    /// not named drop out.
    /// Throws   DataError for a place or unit that did not vote, or if none is left.
    /// Cost     copies the search; nothing is searched again.
    Retrace only(const std::vector<Selection::Units>& chosen) const {
        auto fewer = std::make_shared<detail::Search<Index>>(*this->search_);
        std::vector<char> kept(fewer->neurons.size(), 0);
        const std::vector<Range> all = ranges();
        for (const Selection::Units& some : chosen) {
            layer(some.layer);  // throws for one that did not vote
            for (const Range& range : all) {
                const Point& point = this->store().points[range.point];
                if (point.name != some.layer) continue;
                for (const std::uint32_t unit : some.units) {
                    std::size_t i = range.begin;
                    while (i < range.end && point.units[fewer->neurons[i].unit.unit] != unit) ++i;
                    if (i == range.end) {
                        detail::raise<DataError>("Retrace::only", "unit", std::to_string(unit),
                                                 "one of \"" + some.layer + "\" that voted");
                    }
                    kept[i] = 1;
                }
            }
        }
        std::size_t left = 0;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            if (kept[i] != 0) fewer->neurons[left++] = this->search_->neurons[i];
        }
        if (left == 0) detail::raise<DataError>("Retrace::only", "neurons", "none", "1 or more that voted");
        fewer->neurons.resize(left);
        return Retrace(std::move(fewer));
    }

    /// The votes of one place: by its number among layers(), or by name. Throws DataError if it did not vote.
    Votes<Index> layer(std::size_t number) const {
        const auto all = ranges();
        if (number >= all.size()) {
            detail::raise<DataError>("Retrace::layer", "number", std::to_string(number),
                                     "below " + std::to_string(all.size()));
        }
        return Votes<Index>(this->search_, all[number].begin, all[number].end);
    }
    Votes<Index> layer(std::string_view name) const {
        for (const auto& [point, begin, end] : ranges()) {
            if (this->store().points[point].name == name) return Votes<Index>(this->search_, begin, end);
        }
        detail::raise_unknown("Retrace::layer", "name", name, layers());
    }

    /// The votes of all pre-activations or all post-activations that took part.
    Votes<Index> kind(Kind wanted) const {
        const auto& points = this->store().points;
        // Points of both kinds alternate, so the kinds are sorted into one contiguous copy.
        auto sorted = std::make_shared<detail::Search<Index>>(*this->search_);
        std::erase_if(sorted->neurons, [&](const NeuronAnswer& a) { return points[a.unit.point].kind != wanted; });
        const std::size_t count = sorted->neurons.size();
        return Votes<Index>(std::move(sorted), 0, count);
    }

    /// One neuron: the place's name and the unit's number in its layer. Throws DataError if it did not vote.
    /// Cost   O(k log k), and with ties the size of the tied group.
    NeuronSources neuron(std::string_view layer_name, std::uint32_t unit) const {
        for (std::size_t i = 0; i < this->search_->neurons.size(); ++i) {
            const NeuronAnswer& a = this->search_->neurons[i];
            const Point& point = this->store().points[a.unit.point];
            if (point.name == layer_name && point.units[a.unit.unit] == unit) return neuron(i);
        }
        detail::raise<DataError>("Retrace::neuron", "unit",
                                 "\"" + std::string(layer_name) + "\" " + std::to_string(unit), "a neuron that voted");
    }
    /// By its number among all that voted: by place, then unit.
    NeuronSources neuron(std::size_t number) const {
        require_neuron("Retrace::neuron", number);
        const NeuronAnswer& a = this->search_->neurons[number];
        const Window& w = a.window;
        NeuronSources result{a.query, {}, w.boundary, w.closer, w.tied, w.places, a.votes};
        std::uint32_t i = w.tied_begin;
        const auto add = [&](std::uint32_t s) {
            if (a.distances != nullptr) {
                const auto value = static_cast<double>(this->search_->index->value(a.unit, s));
                result.neighbours.push_back({this->store().ids[s], value, a.distances[i]});
            } else {
                const auto column = this->search_->index->entry(a.unit).column;
                if constexpr (!Index::packed) this->search_->index->check(column.values + i, 1);
                result.neighbours.push_back(
                    {this->store().ids[s], static_cast<double>(column.at(i)), column.distance(i, a.query)});
            }
        };
        this->search_->read(a, w.tied_begin, w.tied_end, [&](const std::uint32_t* samples, std::size_t count) {
            for (const std::uint32_t s : std::span(samples, count)) {
                if (this->search_->admits(s)) add(s);
                ++i;
            }
        });
        const auto nearer = [](const Neighbour& x, const Neighbour& y) {
            return x.distance != y.distance ? x.distance < y.distance : x.id < y.id;
        };
        const std::size_t kept = std::min<std::size_t>(w.closer + w.places, result.neighbours.size());
        std::partial_sort(result.neighbours.begin(), result.neighbours.begin() + static_cast<std::ptrdiff_t>(kept),
                          result.neighbours.end(), nearer);
        result.neighbours.resize(kept);
        return result;
    }

    /// Distance of a neuron's k-th closest sample, by the neuron's number among all that voted: how far it had to look.
    /// Infinite if no sample could be a source. Cost: none.
    double boundary(std::size_t number) const {
        require_neuron("Retrace::boundary", number);
        const Window& w = this->search_->neurons[number].window;
        return w.closer + w.places > 0 ? w.boundary : std::numeric_limits<double>::infinity();
    }

    /// for_each_vote(number, f): f(position in store(), votes, distance) for every sample that a neuron, by its number
    /// among all that voted, votes for; a member of a tied group gets its part of a vote. In no particular order.
    template <class F>
    void for_each_vote(std::size_t number, F&& f) const {
        require_neuron("Retrace::for_each_vote", number);
        const NeuronAnswer& a = this->search_->neurons[number];
        this->for_each_single(number, [&](std::uint32_t s) { f(s, 1.0, this->search_->distance(a, s)); });
        if (!this->is_group(a)) return;
        const double share = this->share(number);
        for_each_tied(number, [&](std::uint32_t s) { f(s, share, a.window.boundary); });
    }

    /// Which neurons voted for a sample, and how much: (point, unit) with votes above 0, in order.
    struct Voter {
        std::string layer;
        std::uint32_t unit;
        double votes;
        double distance;
        std::size_t place = 0;  ///< number of the layer among layers()
    };
    std::vector<Voter> voters(std::uint64_t id) const {
        const auto sample = static_cast<std::uint32_t>(this->store().position_of(id));
        std::vector<Voter> found;
        std::size_t place = 0;
        if (!this->search_->admits(sample)) return found;
        for (std::size_t i = 0; i < this->search_->neurons.size(); ++i) {
            const NeuronAnswer& a = this->search_->neurons[i];
            if (i > 0 && a.unit.point != this->search_->neurons[i - 1].unit.point) ++place;
            const double votes = this->vote_of(i, sample);
            if (votes <= 0.0) continue;
            const Point& point = this->store().points[a.unit.point];
            found.push_back({point.name, point.units[a.unit.unit], votes, this->search_->distance(a, sample), place});
        }
        return found;
    }

    Provenance provenance() const {
        const auto& recorded = this->store();
        return {renn::version,
                std::string(Index::policy_name),
                std::string(ties_name(this->search_->options.ties)),
                this->search_->options.k,
                recorded.fingerprint,
                recorded.build,
                recorded.build == build_description<Scalar>()};
    }

private:
    void require_neuron(const char* where, std::size_t number) const {
        const std::size_t count = this->search_->neurons.size();
        if (number >= count) {
            detail::raise<DataError>(where, "number", std::to_string(number), "below " + std::to_string(count));
        }
    }
    struct Range {
        std::uint32_t point;
        std::size_t begin, end;
    };
    std::vector<Range> ranges() const {
        std::vector<Range> all;
        const auto& neurons = this->search_->neurons;
        for (std::size_t i = 0; i < neurons.size(); ++i) {
            if (all.empty() || all.back().point != neurons[i].unit.point) all.push_back({neurons[i].unit.point, i, i});
            all.back().end = i + 1;
        }
        return all;
    }
};

}  // namespace renn::inline RENN_ABI
