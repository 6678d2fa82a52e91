// SPDX-License-Identifier: MIT
// renn/attribution/relevance/composite.hpp - which layer gets which rule.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/relevance/layer_kind.hpp>
#include <renn/attribution/relevance/rules.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>

namespace renn::inline RENN_ABI::relevance {

/// What a composite knows of a layer.
struct LayerInfo {
    std::string_view path;  ///< "residual1/dense2"
    std::string_view name;  ///< of its type: "Dense"
    LayerKind kind = LayerKind::none;
    std::size_t index = 0;           ///< its place in the forward pass
    std::size_t weighted_index = 0;  ///< how many weighted layers come before it
    std::size_t weighted_count = 0;  ///< in the network
    bool first = false;              ///< it is weighted, and none lies between it and the input
};

/// A condition on a layer, with a text for listings. Two are joined by `&&`.
struct Selector {
    std::string text;
    std::function<bool(const LayerInfo&)> chooses;
};

/// Both.
inline Selector operator&&(Selector a, Selector b) {
    std::string text = a.text + " and " + b.text;
    return {std::move(text), [a = std::move(a.chooses), b = std::move(b.chooses)](const LayerInfo& layer) {
                return a(layer) && b(layer);
            }};
}

/// Every layer with weights.
inline Selector weighted() {
    return {"weighted", [](const LayerInfo& layer) { return layer.kind == LayerKind::weighted; }};
}
/// Layers with weights that no other such layer separates from the input.
inline Selector first() {
    return {"first", [](const LayerInfo& layer) { return layer.first; }};
}
/// Layers of a type: "Dense", "MaxPool2d".
inline Selector named_type(std::string name) {
    std::string text = name;
    return {std::move(text), [name = std::move(name)](const LayerInfo& layer) { return layer.name == name; }};
}
/// Conv1d and Conv2d.
inline Selector convolutions() {
    return {"convolutions", [](const LayerInfo& layer) { return layer.name == "Conv1d" || layer.name == "Conv2d"; }};
}
/// Layers with weights that are no convolutions.
inline Selector dense() {
    return {"dense", [](const LayerInfo& layer) {
                return layer.kind == LayerKind::weighted && layer.name != "Conv1d" && layer.name != "Conv2d";
            }};
}
/// The layer with this path: "dense1", "residual1/conv2d1".
inline Selector at_path(std::string path) {
    std::string text = "\"" + path + "\"";
    return {std::move(text), [path = std::move(path)](const LayerInfo& layer) { return layer.path == path; }};
}
/// Layers at places [from, to) of the forward pass, nested ones counted in order.
inline Selector places(std::size_t from, std::size_t to = std::numeric_limits<std::size_t>::max()) {
    return {"places", [=](const LayerInfo& layer) { return layer.index >= from && layer.index < to; }};
}
/// Layers with weights whose number among them, from 0, lies in [from, to) as a share of all: 0 to 1.
inline Selector depth(double from, double to) {
    return {"depth", [=](const LayerInfo& layer) {
                const double at = static_cast<double>(layer.weighted_index) / static_cast<double>(layer.weighted_count);
                return layer.kind == LayerKind::weighted && at >= from && at < to;
            }};
}
/// Any condition.
inline Selector where(std::function<bool(const LayerInfo&)> predicate) {
    return {"predicate", std::move(predicate)};
}

/// Rules with the layers they are for; the first that fits a layer is its rule. Layers without weights have one of
/// their own where none is given: PassOn, Norm for average pooling, Winner for max pooling, Epsilon for LayerNorm.
class Composite {
public:
    Composite() = default;
    /// One rule for every layer with weights.
    template <std::convertible_to<Rule> R>
    Composite(const R& rule) {
        add(weighted(), rule);
    }

    Composite& add(Selector selector, Rule rule) {
        entries_.push_back({std::move(selector), std::move(rule)});
        return *this;
    }

    bool empty() const noexcept { return entries_.empty(); }

    /// The rule of a layer; stays where it is as long as the composite does.
    /// Throws   DataError naming the layer and the rules it can have, if it has none or one that cannot be used there.
    const Rule& rule(const LayerInfo& layer) const {
        for (const Entry& entry : entries_) {
            if (!entry.selector.chooses(layer)) continue;
            if (!fits(entry.rule, layer.kind)) refuse(layer, entry.rule.text());
            return entry.rule;
        }
        static const Rule norm = Norm{}, pass = PassOn{}, winner = Winner{}, epsilon = Epsilon{};
        switch (layer.kind) {
            case LayerKind::average:
                return norm;
            case LayerKind::unit_by_unit:
            case LayerKind::softmax:
                return pass;
            case LayerKind::max_pool:
                return winner;
            case LayerKind::layer_norm:
                return epsilon;
            default:
                refuse(layer, "no rule");
        }
    }

private:
    struct Entry {
        Selector selector;
        Rule rule;
    };
    [[noreturn]] static void refuse(const LayerInfo& layer, const std::string& got) {
        detail::raise<DataError>("relevance propagation",
                                 "rule of " + std::string(layer.path) + " (" + std::string(layer.name) + ")", got,
                                 "one of those available: " + std::string(available_rules(layer.kind)));
    }
    std::vector<Entry> entries_;
};

}  // namespace renn::inline RENN_ABI::relevance

namespace renn::inline RENN_ABI::detail {

/// Calls f(info) for every layer, and sum(path) for every residual sum, in the order of the forward pass. `first`:
/// whether the input has met no weights yet; returns that for what comes behind.
template <class Net, class W, class F, class G>
bool for_each_relevant(const Net& net, const W& parameters, Path& path, relevance::LayerInfo& next, bool first, F& f,
                       G& sum) {
    bool behind = first;
    Net::for_each_child(net, parameters, [&](const std::string& name, const auto& layer, const auto& part) {
        using L = std::remove_cvref_t<decltype(layer)>;
        const auto guard = path.enter(name);
        const bool before = Net::wiring == Wiring::side_by_side ? first : behind;
        if constexpr (CompositeLayer<L>) {
            behind = for_each_relevant(layer, part, path, next, before, f, sum) &&
                     (behind || Net::wiring != Wiring::side_by_side);
            if (L::wiring == Wiring::residual) sum(path.view());
        } else {
            next.path = path.view();
            next.name = L::name;
            next.kind = relevance::layer_kind<L>();
            const bool has_weights = next.kind == relevance::LayerKind::weighted;
            next.first = before && has_weights;
            f(std::as_const(next));
            ++next.index;
            next.weighted_index += has_weights ? 1 : 0;
            behind = before && !has_weights;
        }
    });
    return behind;
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::relevance {

/// "dense1  Dense  Epsilon 1e-06", one line a layer: which rule each gets. Throws as Composite::rule.
template <class Net>
std::string listing(const Net& net, const Composite& composite) {
    std::string text;
    const auto none = [](std::string_view) {};
    const auto walk = [&](auto&& f, std::size_t count) {
        detail::Path path;
        LayerInfo next;
        next.weighted_count = count;
        detail::for_each_relevant(net, net.parameters(), path, next, true, f, none);
        return next.weighted_index;
    };
    const std::size_t count = walk([](const LayerInfo&) {}, 0);
    walk(
        [&](const LayerInfo& layer) {
            text +=
                std::string(layer.path) + "  " + std::string(layer.name) + "  " + composite.rule(layer).text() + "\n";
        },
        count);
    return text;
}

}  // namespace renn::inline RENN_ABI::relevance
