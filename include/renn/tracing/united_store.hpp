// SPDX-License-Identifier: MIT
// renn/tracing/united_store.hpp - several stores of one network, seen as one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/part_of_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

/// The samples of several stores one after another: a source for to_memory and write_store, which make one store of it
/// a column at a time. Made by unite().
///
/// Memory   what is known of each sample beside the values: 16 bytes, tag and outputs.
/// Threads  const members may run on several threads at once.
template <class S, bool Reduced = false>
class UnitedStore : public RecordedSamples<S> {
public:
    static constexpr bool reduced = Reduced;

    /// Joins another store to the end. Throws MismatchError if it is of another network, build, selection or kind of
    /// data. To be followed by index_ids() once all have come.
    template <class Store>
    void join(Store&& store) {
        auto held = detail::hold(std::forward<Store>(store));
        const auto require = [](bool equal, const std::string& what, const std::string& got, const std::string& other) {
            if (!equal) detail::raise<MismatchError>("unite", what, got, other + ", as in the first store");
        };
        auto more = detail::known_at(*held, detail::all_positions(*held));
        if (parts_.empty()) {
            static_cast<RecordedSamples<S>&>(*this) = std::move(more);
        } else {
            const auto text = [](bool has) { return std::string(has ? "some" : "none"); };
            require(more.fingerprint == this->fingerprint, "fingerprint of the network",
                    std::to_string(more.fingerprint), std::to_string(this->fingerprint));
            require(more.build == this->build, "build", more.build, this->build);
            require(more.points == this->points, "places", "others", "the same layers and units");
            require(more.class_names == this->class_names, "class names", "others", "the same");
            require(more.outputs.rows() == this->outputs.rows(), "outputs", std::to_string(more.outputs.rows()),
                    std::to_string(this->outputs.rows()));
            require(more.labels.empty() == this->labels.empty(), "labels", text(!more.labels.empty()),
                    text(!this->labels.empty()));
            if (!more.tags.empty() || !this->tags.empty()) {
                this->tags.resize(this->ids.size());
                more.tags.resize(more.ids.size());
            }
            const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
            add(this->ids, more.ids);
            add(this->labels, more.labels);
            add(this->predictions, more.predictions);
            add(this->tags, more.tags);
            this->outputs.conservativeResize(Eigen::NoChange, this->samples());
            this->outputs.rightCols(more.outputs.cols()) = more.outputs;
        }
        if (this->samples() > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
            detail::raise<DataError>("unite", "samples", std::to_string(this->samples()), "at most 2^32 - 1");
        }
        parts_.push_back({this->samples(),
                          [held](Unit u, Index dimension, std::vector<S>& scratch) {
                              return std::span<const S>(held->values(u, dimension, scratch));
                          },
                          [held](Unit u, Index dimension, Index sample) { return held->value(u, dimension, sample); }});
    }

    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        if (parts_.size() == 1) return parts_.front().values(u, dimension, scratch);
        scratch.resize(static_cast<std::size_t>(this->samples()));
        std::vector<S> own;
        auto to = scratch.begin();
        for (const Part& part : parts_) {
            const std::span<const S> some = part.values(u, dimension, own);
            to = std::copy(some.begin(), some.end(), to);
        }
        return scratch;
    }
    S value(Unit u, Index dimension, Index sample) const {
        Index before = 0;
        for (const Part& part : parts_) {
            if (sample < part.end) return part.value(u, dimension, sample - before);
            before = part.end;
        }
        detail::raise<DataError>("unite", "sample", std::to_string(sample), "below " + std::to_string(before));
    }

private:
    struct Part {
        Index end;  ///< position after its last sample
        std::function<std::span<const S>(Unit, Index, std::vector<S>&)> values;
        std::function<S(Unit, Index, Index)> value;
    };
    std::vector<Part> parts_;
};

/// unite(a, b, ...): stores of one network, wherever they keep their values, with different samples. Appending is
/// uniting with a recording of the new samples:
///
///     write_store("all.store", unite(FileStore<float>::open("old.store"), *record(net, more)));
///
/// Throws   MismatchError if the stores are not of one network, build and selection; DataError if an id is in two.
template <class First, class... More>
auto unite(First&& first, More&&... more) {
    UnitedStore<typename std::remove_cvref_t<First>::Scalar,
                (detail::Reduced<std::remove_cvref_t<First>> || ... || detail::Reduced<std::remove_cvref_t<More>>)>
        all;
    all.join(std::forward<First>(first));
    (all.join(std::forward<More>(more)), ...);
    all.index_ids();
    return all;
}

/// The same for any number of stores of one type, which must outlive what is made of them.
template <class Store>
auto unite_all(std::span<const Store> stores) {
    if (stores.empty()) detail::raise<DataError>("unite", "stores", "none", "1 or more");
    UnitedStore<typename Store::Scalar, detail::Reduced<Store>> all;
    for (const Store& store : stores) all.join(store);
    all.index_ids();
    return all;
}

}  // namespace renn::inline RENN_ABI
