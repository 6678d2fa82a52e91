// SPDX-License-Identifier: MIT
// renn/tracing/activations.hpp - every layer's values for some samples, to look at.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Pre- and post-activations of every layer, each features x samples. Also the recorder that collects them: filled
/// again from the same model it allocates nothing.
template <class S>
class Activations {
public:
    /// The values of one place.
    struct Block {
        std::string name;
        Kind kind;
        Index layer;  ///< a layer with parameters and the activation behind it have one number, from 0
        Index width;
        Batch<S> values;
        bool derived;  ///< follows, value by value, from the block before
        Shape shape;   ///< empty where a sample is no image
    };

    /// All places, in the order of the pass.
    const std::vector<Block>& blocks() const noexcept { return blocks_; }
    const Batch<S>& output() const noexcept { return output_; }

    /// Number of layers, and the values of one by number. Throws DataError if there is no such place.
    Index layers() const noexcept { return blocks_.empty() ? 0 : blocks_.back().layer + 1; }
    const Batch<S>& pre(Index layer) const { return by_layer(layer, Kind::pre); }
    const Batch<S>& post(Index layer) const { return by_layer(layer, Kind::post); }

    /// The values of a place by its name: "dense1", "relu1", a probe's name.
    const Batch<S>& operator[](std::string_view name) const {
        for (const Block& block : blocks_) {
            if (block.name == name) return block.values;
        }
        detail::raise<DataError>("Activations", "place", "\"" + std::string(name) + "\"", "one of " + names());
    }

    std::string names() const {
        std::string text;
        for (const Block& block : blocks_) text += (text.empty() ? "" : ", ") + block.name;
        return text;
    }

    /// Recorder: the first run makes the table of places, later ones must repeat it.
    void record(const Place& place, const BatchView<S>& values, std::span<const std::uint64_t> ids) {
        if (first_run_) {
            append(place, values);
        } else {
            const std::size_t at =
                cursor_.find(place.name, place.kind, values.rows(), values.cols(), samples_, blocks_);
            blocks_[at].values = values;
        }
        detail::require_finite<S>("activations", place.name, values, ids);
    }

    /// Runs a model on x and keeps everything it reports.
    template <class Model, class Space>
    void collect(const Model& model, const BatchView<S>& x, std::span<const std::uint64_t> ids, Space& workspace) {
        detail::require_finite<S>("activations", "input", x, ids);
        if (first_run_) blocks_.clear();  // of a run that an error cut short
        samples_ = x.cols();
        cursor_.begin();
        const Batch<S>& out = observe(model, x, ids, workspace, *this);
        output_ = out;
        if (first_run_) {
            cursor_ = detail::PointCursor(blocks_.size());
            first_run_ = false;
        } else {
            cursor_.end(blocks_);
        }
    }

private:
    void append(const Place& place, const BatchView<S>& values) {
        const std::string where = "probe \"" + std::string(place.name) + "\"";
        for (const Block& block : blocks_) {
            if (block.name == place.name) {
                detail::raise<MismatchError>(where, "reported twice in one run; every place needs its own name");
            }
        }
        if (place.name.empty()) detail::raise<DataError>(where, "a place needs a name");
        if (values.cols() != samples_) {
            detail::raise<ShapeError>(where, "values", detail::shape_text(values.rows(), values.cols()),
                                      detail::shape_text(values.rows(), samples_) + ", one column a sample");
        }
        const bool behind = place.kind == Kind::post && !blocks_.empty() && blocks_.back().kind == Kind::pre &&
                            blocks_.back().width == values.rows();
        const Index layer = blocks_.empty() ? 0 : blocks_.back().layer + (behind ? 0 : 1);
        blocks_.push_back(
            {std::string(place.name), place.kind, layer, values.rows(), values, place.derived, place.shape});
    }

    const Batch<S>& by_layer(Index layer, Kind kind) const {
        for (const Block& block : blocks_) {
            if (block.layer == layer && block.kind == kind) return block.values;
        }
        detail::raise<DataError>("Activations",
                                 std::string(kind_name(kind)) + "-activation of layer " + std::to_string(layer), "none",
                                 "a layer below " + std::to_string(layers()) + " that has one");
    }

    std::vector<Block> blocks_;
    Batch<S> output_;
    detail::PointCursor cursor_{0};
    bool first_run_ = true;
    Index samples_ = 0;
};

/// Every layer's pre- and post-activation for the samples in x, features x samples, in one call:
///
///     const auto values = renn::activations(net, x);
///     values.pre(0), values.post(0), values["dense2"], values.output()
///
/// Throws   ShapeError if x does not fit, DataError naming layer, unit and sample where a value is not finite.
template <class Net>
Activations<typename Net::Scalar> activations(const Net& net, const BatchView<typename Net::Scalar>& x) {
    Activations<typename Net::Scalar> values;
    auto workspace = make_workspace(net);
    values.collect(net, x, {}, workspace);
    return values;
}

}  // namespace renn::inline RENN_ABI
