// SPDX-License-Identifier: MIT
// renn/data/dataset.hpp - samples with ids, labels, targets, tags and names; bytes stay bytes until used.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/core/shape.hpp>
#include <renn/data/dataset_description.hpp>
#include <renn/data/image.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

/// "0..n-1", or "nothing (no samples)".
inline std::string below_text(Index n) {
    return n > 0 ? "0.." + std::to_string(n - 1) : "nothing (no samples)";
}

}  // namespace detail

/// The samples a network is trained on, traced to or asked about. A value: copying copies, nothing changes later.
///
/// Shapes   inputs: features x samples; targets: rows x samples. No samples is valid.
/// Units    inputs given as bytes read as byte / 255, correctly rounded; other inputs as given.
/// Throws   ShapeError if counts or the image shape do not fit the inputs; DataError if a label is out of range, an id
///          occurs twice or an input or target is NaN or infinite. Members throw DataError for a position or id
///          that does not exist.
/// Cost     construction O(samples * features), with unsorted ids O(samples log samples) more.
/// Threads  const members may run on several threads at once.
template <std::floating_point S = float>
class Dataset {
public:
    using Scalar = S;
    using Description = DatasetDescription<S>;

    Dataset() = default;
    Dataset(Bytes pixels, Description description = {})
        : Dataset(true, std::move(pixels), {}, std::move(description)) {}
    Dataset(Batch<S> inputs, Description description = {})
        : Dataset(false, {}, std::move(inputs), std::move(description)) {}

    /// Any Eigen expression of S or of bytes; it is evaluated.
    template <class D>
    Dataset(const Eigen::DenseBase<D>& inputs, Description description = {})
        : Dataset(Held<D>(inputs.derived()), std::move(description)) {}

    Index samples() const noexcept { return bytes_held_ ? bytes_.cols() : values_.cols(); }
    Index features() const noexcept { return bytes_held_ ? bytes_.rows() : values_.rows(); }
    bool empty() const noexcept { return samples() == 0; }
    /// Number of class names, else largest label + 1, else 0; a subset keeps the number of its origin.
    int classes() const noexcept { return more_.classes; }
    bool has_labels() const noexcept { return !more_.labels.empty(); }
    bool has_targets() const noexcept { return more_.targets.rows() > 0; }
    std::span<const std::int32_t> labels() const noexcept { return more_.labels; }
    const Batch<S>& targets() const noexcept { return more_.targets; }
    std::span<const std::uint64_t> ids() const noexcept { return more_.ids; }
    std::span<const std::string> tags() const noexcept { return more_.tags; }
    const Shape& image() const noexcept { return more_.image; }
    /// All of the above, with ids and the number of classes filled in.
    const Description& description() const noexcept { return more_; }

    /// The inputs as they are held: pixels() if they were given as bytes, else values(); the other one is empty.
    bool holds_bytes() const noexcept { return bytes_held_; }
    const Bytes& pixels() const noexcept { return bytes_; }
    const Batch<S>& values() const noexcept { return values_; }

    /// The class's name, or its number if it has none.
    std::string class_name(std::int32_t label) const {
        const auto& names = more_.class_names;
        const auto at = static_cast<std::size_t>(label);
        return label >= 0 && at < names.size() ? names[at] : std::to_string(label);
    }

    std::int32_t label(Index position) const {
        require_position("Dataset::label", position);
        if (!has_labels()) detail::raise<DataError>("Dataset::label", "the data set has no labels");
        return more_.labels[static_cast<std::size_t>(position)];
    }
    std::uint64_t id(Index position) const {
        require_position("Dataset::id", position);
        return more_.ids[static_cast<std::size_t>(position)];
    }

    /// Where the sample with this id is. Cost O(log samples), O(1) if ids are positions.
    Index position_of(std::uint64_t id) const { return known("Dataset::position_of", id); }
    bool contains(std::uint64_t id) const noexcept { return find(id) >= 0; }

    /// Writes samples [first, first + count) as columns of out, which is resized only when its shape changes.
    void inputs(Index first, Index count, Batch<S>& out) const {
        if (first < 0 || count < 0 || count > samples() || first > samples() - count) {
            detail::raise<DataError>("Dataset::inputs", "first and count",
                                     std::to_string(first) + " and " + std::to_string(count),
                                     "a range within " + std::to_string(samples()) + " samples");
        }
        detail::reshape(out, features(), count);
        if (!bytes_held_) {
            std::copy_n(values_.data() + first * features(), out.size(), out.data());
        } else if (out.size() > 0) {
            detail::bytes_to_unit(bytes_.data() + first * features(), out.data(), out.size());
        }
    }

    /// Writes the samples at the given positions, in that order, repeats allowed.
    void inputs(ListView<Index> positions, Batch<S>& out) const {
        require_positions("Dataset::inputs", positions);
        detail::reshape(out, features(), static_cast<Index>(positions.size()));
        S* to = out.data();
        for (std::size_t i = 0; i < positions.size(); ++i, to += features()) {
#ifdef __GNUC__
            // In random order memory is late: asking two samples ahead halves the time. (g++ drops a function that
            // only prefetches, so this cannot be one.)
            if (bytes_held_ && i + 2 < positions.size()) {
                const std::uint8_t* soon = bytes_.data() + features() * positions[i + 2];
                for (Index b = 0; b < features(); b += 64) __builtin_prefetch(soon + b);
            }
#endif
            write_input(positions[i], to);
        }
    }

    Batch<S> inputs() const {
        Batch<S> out;
        inputs(0, samples(), out);
        return out;
    }
    Column<S> input(Index position) const {
        require_position("Dataset::input", position);
        Column<S> out(features());
        write_input(position, out.data());
        return out;
    }
    Column<S> input_of(std::uint64_t id) const {
        return input(known("Dataset::input_of", id));
    }

    /// Bytes of memory held by inputs, targets and everything that belongs to a sample.
    std::size_t bytes() const noexcept {
        std::size_t n = static_cast<std::size_t>(bytes_.size()) +
                        sizeof(S) * static_cast<std::size_t>(values_.size() + more_.targets.size()) +
                        sizeof(std::int32_t) * more_.labels.size() + sizeof(std::uint64_t) * more_.ids.size() +
                        sizeof(Index) * by_id_.size();
        for (const auto& t : more_.tags) n += sizeof(t) + t.capacity();
        return n;
    }

    /// The first count samples with their ids, tags and names, and the same number of classes.
    Dataset first(Index count) const {
        if (count < 0 || count > samples()) {
            detail::raise<DataError>("Dataset::first", "count", std::to_string(count),
                                     "0.." + std::to_string(samples()));
        }
        std::vector<Index> positions(static_cast<std::size_t>(count));
        std::iota(positions.begin(), positions.end(), Index(0));
        return select(positions);
    }

    /// The samples at the given positions, each at most once, with their ids, tags and names.
    Dataset select(ListView<Index> positions) const {
        require_positions("Dataset::select", positions);
        Description d;
        d.image = more_.image;
        d.class_names = more_.class_names;
        d.classes = more_.classes;
        pick(more_.labels, positions, d.labels);
        pick(more_.ids, positions, d.ids);
        pick(more_.tags, positions, d.tags);
        pick(more_.targets, positions, d.targets);
        Bytes bytes;
        Batch<S> values;
        pick(bytes_, positions, bytes);
        pick(values_, positions, values);
        return Dataset(bytes_held_, std::move(bytes), std::move(values), std::move(d));
    }

private:
    template <class D>
    struct HeldAs {
        static constexpr bool is_bytes = std::same_as<typename D::Scalar, std::uint8_t>;
        static_assert(is_bytes || std::same_as<typename D::Scalar, S>,
                      "renn::Dataset<S>: inputs must be of S or of std::uint8_t; use .cast<S>()");
        using type = Eigen::Matrix<typename D::Scalar, Eigen::Dynamic, Eigen::Dynamic>;
    };
    template <class D>
    using Held = typename HeldAs<D>::type;

    Dataset(bool bytes_held, Bytes&& bytes, Batch<S>&& values, Description&& more)
        : bytes_held_(bytes_held), bytes_(std::move(bytes)), values_(std::move(values)), more_(std::move(more)) {
        detail::check_counts(more_, samples(), features());
        detail::check_labels(more_);
        order_ids();
        detail::check_finite("input", values_);
        detail::check_finite("target", more_.targets);
    }

    void order_ids() {
        auto& ids = more_.ids;
        if (ids.empty()) {
            ids.resize(static_cast<std::size_t>(samples()));
            std::iota(ids.begin(), ids.end(), std::uint64_t(0));
            return;
        }
        if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end()) return;
        by_id_.resize(ids.size());
        std::iota(by_id_.begin(), by_id_.end(), Index(0));
        const auto id_at = [&](Index p) { return ids[static_cast<std::size_t>(p)]; };
        std::sort(by_id_.begin(), by_id_.end(),
                  [&](Index a, Index b) { return std::pair(id_at(a), a) < std::pair(id_at(b), b); });
        const auto twice =
            std::adjacent_find(by_id_.begin(), by_id_.end(), [&](Index a, Index b) { return id_at(a) == id_at(b); });
        if (twice != by_id_.end()) {
            detail::raise<DataError>("Dataset", "id " + std::to_string(id_at(*twice)),
                                     "samples " + std::to_string(twice[0]) + " and " + std::to_string(twice[1]),
                                     "one sample");
        }
    }

    void require_position(const char* where, Index p) const {
        if (p >= 0 && p < samples()) return;
        detail::raise<DataError>(where, "position", std::to_string(p), detail::below_text(samples()));
    }
    void require_positions(const char* where, std::span<const Index> positions) const {
        for (const Index p : positions) require_position(where, p);
    }

    /// The position of id, or -1.
    Index find(std::uint64_t id) const noexcept {
        const auto& ids = more_.ids;
        if (id < ids.size() && ids[id] == id) return static_cast<Index>(id);
        if (by_id_.empty()) {  // ids ascend
            const auto at = std::lower_bound(ids.begin(), ids.end(), id);
            return at != ids.end() && *at == id ? static_cast<Index>(at - ids.begin()) : -1;
        }
        const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), id, [&](Index p, std::uint64_t value) {
            return ids[static_cast<std::size_t>(p)] < value;
        });
        return at != by_id_.end() && ids[static_cast<std::size_t>(*at)] == id ? *at : -1;
    }
    Index known(const char* where, std::uint64_t id) const {
        const Index p = find(id);
        if (p < 0) detail::raise<DataError>(where, "no sample has id " + std::to_string(id));
        return p;
    }

    void write_input(Index position, S* to) const {
        const Index n = features();
        if (bytes_held_) {
            detail::bytes_to_unit(bytes_.data() + n * position, to, n);
        } else {
            std::copy_n(values_.data() + n * position, n, to);
        }
    }

    template <class T>
    static void pick(const std::vector<T>& from, std::span<const Index> positions, std::vector<T>& to) {
        if (from.empty()) return;
        to.reserve(positions.size());
        for (const Index p : positions) to.push_back(from[static_cast<std::size_t>(p)]);
    }
    template <class M>
    static void pick(const M& from, std::span<const Index> positions, M& to) {
        if (from.rows() == 0) return;
        to.resize(from.rows(), static_cast<Index>(positions.size()));
        auto* column = to.data();
        for (const Index p : positions) column = std::copy_n(from.data() + p * from.rows(), from.rows(), column);
    }

    bool bytes_held_ = false;  // which of the two below holds the inputs
    Bytes bytes_;
    Batch<S> values_;
    Description more_;
    std::vector<Index> by_id_;  // positions in ascending order of id; empty if the ids ascend anyway
};

namespace detail {

template <class S>
void require_labelled(const char* where, const Dataset<S>& data) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "1 or more");
    if (!data.has_labels()) raise<DataError>(where, "labels", "none", "one a sample");
}

}  // namespace detail

}  // namespace renn::inline RENN_ABI
