// SPDX-License-Identifier: MIT
// renn/tracing/point.hpp - the places of a network where values are taken.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI {

/// Pre-activation: what a layer with parameters puts out (the RENN report's "Sum"). Post-activation: what the
/// activation behind it makes of it ("Activation").
enum class Kind : std::uint8_t { pre, post };

/// "pre" or "post".
inline std::string_view kind_name(Kind kind) noexcept {
    return kind == Kind::pre ? "pre" : "post";
}

/// What a recorder is told about a block of values.
struct Place {
    std::string_view name;
    Kind kind = Kind::pre;
    bool derived = false;  ///< the values follow, one by one, from those of the place reported just before
    Shape shape = {};      ///< how the values of a sample lie, where it is an image; else empty
};

/// What a cell of a channel becomes.
enum class Pool : std::uint8_t { mean, max };

/// Channels as neurons: each channel of an image is cut into height x width cells and each cell pooled into a value.
/// One cell makes a channel a neuron like any other; more make it a point in as many dimensions, whose closest samples
/// are those at the smallest Euclidean distance.
struct Channels {
    std::string layer = {};  ///< name of a place; empty: every place that is an image of more than one position
    Index height = 1;
    Index width = 1;
    Pool pool = Pool::mean;
};

/// One traced place.
struct Point {
    std::string name;
    Kind kind = Kind::pre;
    Index layer = 0;                   ///< a layer with parameters and the activation behind it have one number
    Index width = 0;                   ///< values a sample has here
    Index derived_from = -1;           ///< point whose stored values this one is recomputed from; -1: stored itself
    std::vector<std::uint32_t> units;  ///< the recorded ones, ascending: rows, or channels
    Shape shape = {};                  ///< of the reported values, where they are an image
    Shape cells = {};                  ///< what is recorded of it where channels are the neurons
    Pool pool = Pool::mean;

    bool operator==(const Point&) const = default;
    bool stored() const noexcept { return derived_from < 0; }
    Index count() const noexcept { return static_cast<Index>(units.size()); }
    bool by_channel() const noexcept { return cells.size() > 0; }
    /// Values of one neuron for one sample, and of all recorded ones.
    Index dimensions() const noexcept { return by_channel() ? cells.positions() : 1; }
    Index columns() const noexcept { return count() * dimensions(); }
    /// Neurons there are to record.
    Index neurons() const noexcept { return by_channel() ? cells.channels : width; }
    std::string text() const { return name + " (" + std::string(kind_name(kind)) + "-activation)"; }
};

/// One scalar that is traced: a point, and the unit's place among the recorded units of that point.
struct Unit {
    std::uint32_t point = 0;
    std::uint32_t unit = 0;
    bool operator==(const Unit&) const = default;
};

/// What to record. Empty lists take everything.
struct Selection {
    /// Some units of one place.
    struct Units {
        std::string layer;
        std::vector<std::uint32_t> units;
    };
    std::vector<std::string> layers = {};  ///< names of places
    std::vector<Units> units = {};         ///< for some of them, only these units
    bool pre = true;
    bool post = true;
    std::vector<Channels> channels = {};  ///< images whose channels are the neurons; else every position is one
    Index every = 1;                      ///< of all samples, in their order: the first, and then each so many-th
};

namespace detail {

/// Follows one run of a model through its table of points and refuses what does not repeat the first run.
class PointCursor {
public:
    explicit PointCursor(std::size_t points) : seen_(points, 0) {}

    void begin() {
        std::fill(seen_.begin(), seen_.end(), char{0});
        next_ = 0;
    }

    /// Index of the place in the table. Throws MismatchError for an unknown or repeated name, ShapeError for a wrong
    /// shape. `known(i)` gives name, kind and width of point i.
    template <class Known>
    std::size_t find(std::string_view name, Kind kind, Index rows, Index cols, Index batch, const Known& known) {
        std::size_t at = seen_.size();
        for (std::size_t i = 0; i < seen_.size(); ++i) {  // runs repeat their order: the first guess is right
            const std::size_t guess = (next_ + i) % seen_.size();
            if (known(guess).name == name && known(guess).kind == kind) {
                at = guess;
                break;
            }
        }
        const auto where = [name] { return "probe \"" + std::string(name) + "\""; };  // built for an error only
        if (at == seen_.size()) raise<MismatchError>(where(), "reported, but not by the first run");
        if (seen_[at] != 0) raise<MismatchError>(where(), "reported twice in one run; every place needs its own name");
        if (rows != known(at).width || cols != batch) {
            raise<ShapeError>(where(), "values", shape_text(rows, cols), shape_text(known(at).width, batch));
        }
        seen_[at] = 1;
        next_ = at + 1;
        return at;
    }

    template <class Known>
    void end(const Known& known) const {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (seen_[i] == 0) {
                raise<MismatchError>("probe \"" + std::string(known(i).name) + "\"",
                                     "missing: the first run reported it, this one did not");
            }
        }
    }

private:
    std::vector<char> seen_;
    std::size_t next_ = 0;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
