// SPDX-License-Identifier: MIT
// renn/network/summary.hpp - a network as a table: layers, shapes, parameters, what a recording takes.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>
#include <renn/network/flow.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn::inline RENN_ABI {

/// A network's layers with what each puts out and costs. Prints as a table.
struct Summary {
    /// One layer.
    struct Row {
        std::string path;    ///< "residual1/dense2"
        std::string layer;   ///< "Dense 784 -> 128"
        std::string output;  ///< of a sample: "128", "16 x 28 x 28", or "?" where only run time knows
        Index parameters = 0;
        Index store_bytes = 0;    ///< that a recording of everything keeps for a sample; 0 if it keeps nothing
        bool store_known = true;  ///< false where the output is not known
    };
    std::vector<Row> rows;

    Index parameters() const noexcept {
        Index sum = 0;
        for (const Row& row : rows) sum += row.parameters;
        return sum;
    }
    /// Bytes a sample of a recording of everything; see Selection for less.
    Index store_bytes() const noexcept {
        Index sum = 0;
        for (const Row& row : rows) sum += row.store_bytes;
        return sum;
    }

    template <std::derived_from<std::ostream> Out>
    friend Out& operator<<(Out& out, const Summary& summary) {
        std::vector<std::array<std::string, 5>> cells{{"name", "layer", "output", "parameters", "store bytes"}};
        for (const Row& r : summary.rows) {
            cells.push_back({r.path, r.layer, r.output, std::to_string(r.parameters),
                             r.store_known ? std::to_string(r.store_bytes) : "?"});
        }
        cells.push_back({"total", "", "", std::to_string(summary.parameters()), std::to_string(summary.store_bytes())});
        std::array<std::size_t, 5> width{};
        for (const auto& row : cells) {
            for (std::size_t c = 0; c < width.size(); ++c) width[c] = std::max(width[c], row[c].size());
        }
        for (const auto& row : cells) {
            std::string line;
            for (std::size_t c = 0; c < width.size(); ++c) {
                const std::string space(width[c] - row[c].size(), ' ');
                line += (c == 0 ? "" : "  ") + (c < 3 ? row[c] + space : space + row[c]);
            }
            out << line << '\n';
        }
        return out;
    }
};

namespace detail {

template <class Net, class P>
void summarise(const Net& net, const P& parameters, Flow flow, Path& path, Summary& summary) {
    const Flow at_input = flow;
    bool behind_parameters = false;  // an elementwise activation there is recomputed, not stored
    Net::for_each_child(net, parameters, [&](const std::string& name, const auto& layer, const auto& weights) {
        using L = std::remove_cvref_t<decltype(layer)>;
        const auto guard = path.enter(name);
        if constexpr (Net::wiring == Wiring::side_by_side) flow = at_input;
        const Flow before = flow;
        flow.pass(layer, Net::name, name);
        if constexpr (CompositeLayer<L>) {
            summarise(layer, weights, before, path, summary);
            behind_parameters = false;
        } else {
            Summary::Row row;
            row.path = path.view();
            row.layer = describe(layer);
            row.output = flow.shape.size() > 0   ? flow.shape.text()
                         : flow.width != Dynamic ? std::to_string(flow.width)
                                                 : "?";
            row.parameters = parameter_count(weights);
            row.store_known = flow.width != Dynamic;
            constexpr bool activation = requires {
                requires L::is_activation;
            };
            constexpr bool elementwise = requires(const typename L::Scalar* in, typename L::Scalar* out) {
                layer.apply(in, out, Index{});
            };
            const bool has_parameters = parameter_count(weights) > 0;
            const bool stored = activation ? !(elementwise && behind_parameters) : has_parameters;
            if (stored && row.store_known) {
                row.store_bytes = flow.width * static_cast<Index>(sizeof(typename L::Scalar));
            }
            behind_parameters = has_parameters;
            summary.rows.push_back(std::move(row));
        }
    });
}

}  // namespace detail

/// `std::cout << summary(net)`: a table of its layers, also of those in nested networks.
template <CompositeLayer Net>
Summary summary(const Net& net) {
    Summary result;
    detail::Path path;
    detail::Flow flow;
    flow.width = net.in_features();
    detail::summarise(net, net.parameters(), flow, path, result);
    return result;
}

}  // namespace renn::inline RENN_ABI
