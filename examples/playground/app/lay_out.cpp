// SPDX-License-Identifier: MIT
#include "lay_out.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace playground {
namespace {

std::uint64_t number(renn::Index n) {
    return static_cast<std::uint64_t>(n);
}

/// "12,345,678"
std::string grouped(std::uint64_t n) {
    std::string text = std::to_string(n);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

std::string megabytes(std::uint64_t bytes) {
    return grouped((bytes + 500000) / 1000000) + " MB";
}

/// Goes from row to row with the shape that arrives there.
class Layout {
public:
    explicit Layout(const DataSet& data)
        : shape_(data.train.image().unknown() ? renn::Shape{data.train.features()} : data.train.image()),
          image_(!data.train.image().unknown()) {}

    void add(const LayerPlan& plan, std::size_t row) {
        if (plan.has_window() && !image_) {
            refuse(row, "kind",
                   std::string(plan.kind == "MaxPool"       ? "Max pooling"
                               : plan.kind == "AveragePool" ? "Average pooling"
                                                            : "A convolution") +
                       (row == 0 ? " needs images, which this data set does not have"
                                 : " needs an image, which is gone here: it must stand before the first Dense layer"));
        }
        if (plan.kind == "Dense") {
            const renn::Index in = shape_.size();
            Layer& layer = next("Dense", plan, row, {plan.size}, false);
            layer.parameters = layer.stored = 0;
            weigh(layer, number(in) * number(plan.size), number(plan.size));
        } else if (plan.kind == "Convolution") {
            const renn::Index taps = shape_.channels * plan.kernel * plan.kernel;
            Layer& layer = next("Conv2d", plan, row, window(plan, row, plan.size), true);
            weigh(layer, number(taps) * number(plan.size), number(plan.size));
            layer.multiply_adds = number(taps) * number(layer.out.size());
        } else if (plan.pools()) {
            Layer& layer = next(plan.kind == "MaxPool" ? "MaxPool2d" : "AvgPool2d", plan, row,
                                window(plan, row, shape_.channels), true);
            layer.multiply_adds = number(layer.out.size() * plan.kernel * plan.kernel);
        } else if (plan.kind == "Dropout") {
            next("Dropout", plan, row, shape_, image_);
        } else {
            const bool channels = plan.kind == "BatchNorm" && image_;
            Layer& layer = next(plan.kind, plan, row, shape_, image_);
            layer.parameters = 2 * number(channels ? shape_.channels : shape_.size());
            layer.stored = number(shape_.size());
        }
        if (plan.has_activation() && plan.activation != "None") next(plan.activation, plan, row, shape_, image_);
        if (parameters_ > most_parameters || values_ > most_values) {
            refuse(row, plan.has_size() ? "size" : "kind",
                   "the network gets too large here: " + grouped(parameters_) + " parameters and " + grouped(values_) +
                       " values a sample, where " + grouped(most_parameters) + " and " + grouped(most_values) +
                       " are allowed");
        }
    }

    std::vector<PlannedLayer> take() { return std::move(layers_); }

private:
    using Layer = PlannedLayer;
    static constexpr std::uint64_t most_parameters = std::uint64_t{1} << 26;
    static constexpr std::uint64_t most_values = std::uint64_t{1} << 20;

    [[noreturn]] static void refuse(std::size_t row, const std::string& field, const std::string& message) {
        throw HttpError(422, "layers." + std::to_string(row) + "." + field, message);
    }

    renn::Shape window(const LayerPlan& plan, std::size_t row, renn::Index channels) const {
        const auto places = [&](renn::Index size) { return (size + 2 * plan.padding - plan.kernel) / plan.stride + 1; };
        const renn::Index smaller = std::min(shape_.height, shape_.width) + 2 * plan.padding;
        if (plan.kernel > smaller) {
            refuse(row, "kernel",
                   "a window of " + std::to_string(plan.kernel) + " does not fit into the " +
                       std::to_string(shape_.height) + " x " + std::to_string(shape_.width) + " that arrive here" +
                       (plan.padding > 0 ? ", padding included" : ""));
        }
        return {channels, places(shape_.height), places(shape_.width)};
    }

    Layer& next(const std::string& kind, const LayerPlan& plan, std::size_t row, renn::Shape out, bool image) {
        Layer layer;
        layer.kind = kind;
        for (const char c : kind) layer.name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        layer.name += std::to_string(++count_[kind]);
        layer.row = row;
        layer.plan = plan;
        layer.in = shape_;
        layer.out = out;
        layer.image = image;
        layer.image_before = image_;
        layer.multiply_adds = number(out.size());
        shape_ = out;
        image_ = image;
        values_ += number(out.size());
        return layers_.emplace_back(std::move(layer));
    }

    /// A layer whose weights are drawn.
    void weigh(Layer& layer, std::uint64_t weights, std::uint64_t biases) {
        layer.parameters = weights + biases;
        layer.multiply_adds = weights;
        layer.stored = number(layer.out.size());
        layer.seed_number = ++drawn_;
        parameters_ += layer.parameters;
    }

    renn::Shape shape_;
    bool image_;
    std::vector<PlannedLayer> layers_;
    std::map<std::string, int> count_;
    std::uint64_t drawn_ = 0, parameters_ = 0, values_ = 0;
};

}  // namespace

renn::Index outputs_for(const DataSet& data) {
    return data.train.has_targets() ? data.train.targets().rows() : data.train.classes();
}

std::vector<PlannedLayer> lay_out(const NetworkPlan& plan, const DataSet& data) {
    if (plan.layers.empty() || plan.layers.size() > NetworkPlan::most_layers) {
        throw HttpError(422, "layers",
                        "got " + std::to_string(plan.layers.size()) + " layers, expected 1 to " +
                            std::to_string(NetworkPlan::most_layers));
    }
    if (outputs_for(data) < 1) {
        throw HttpError(422, "data", "the data set has neither labels nor targets that a network could learn");
    }
    Layout layout(data);
    for (std::size_t row = 0; row < plan.layers.size(); ++row) layout.add(plan.layers[row], row);
    layout.add({.kind = "Dense", .size = outputs_for(data), .activation = plan.output_activation}, plan.layers.size());
    return layout.take();
}

void add_sample_bytes(NetworkCost& cost, const DataSet& data) {
    // A value takes 4 bytes in the store and 8 and its share of the search levels in the index; a sample its id, label,
    // prediction and outputs besides.
    cost.sample_bytes = 12 * cost.values + (4 * cost.values + 58) / 59 + 16 + 4 * number(outputs_for(data));
    cost.copy_bytes = data.train.bytes() / number(std::max<renn::Index>(1, data.train.samples()));
}

NetworkCost cost_of(const std::vector<PlannedLayer>& layers, const DataSet& data, std::uint64_t batch) {
    NetworkCost cost;
    std::uint64_t widths = 0;
    for (const PlannedLayer& layer : layers) {
        cost.parameters += layer.parameters;
        cost.values += layer.stored;
        cost.multiply_adds += layer.multiply_adds;
        widths += number(layer.out.size());
    }
    add_sample_bytes(cost, data);
    // Network, its last complete epoch, two moments of each, what is being added up, and a gradient for every 64
    // samples of a batch; outputs of a batch and how the loss changes with them; the test set that is measured.
    const std::uint64_t gradients = std::clamp<std::uint64_t>((batch + 63) / 64, 1, 8);
    const std::uint64_t a_parameter = 4 * (7 + gradients), a_value = 8 * std::max<std::uint64_t>(64, batch);
    cost.fixed_bytes = a_parameter * cost.parameters + a_value * widths + data.test.bytes();
    return cost;
}

std::uint64_t memory_beside(const DataSet& data, std::uint64_t session_bytes) {
    const std::uint64_t held = data.shared ? 0 : data.bytes();
    return session_bytes - std::min(held, session_bytes);
}

void check_memory(const NetworkCost& cost, std::uint64_t samples, std::uint64_t most_bytes) {
    if (cost.bytes(samples) <= most_bytes) return;
    const std::uint64_t fit = cost.samples_in(most_bytes);
    throw HttpError(
        422, "memory",
        "recording " + grouped(samples) + " samples of this network takes about " + megabytes(cost.bytes(samples)) +
            ", where a session may hold " + megabytes(most_bytes) + ": " +
            (fit > 0 ? "at most " + grouped(fit) + " samples fit, or take smaller layers" : "take smaller layers"));
}

}  // namespace playground
