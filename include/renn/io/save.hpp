// SPDX-License-Identifier: MIT
// renn/io/save.hpp - networks and traced networks as files.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/archive_file.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/memory_store.hpp>

namespace renn {

/// Writes a network to any cereal output archive: what it is, then every layer's name, constants and parameters.
template <class A, class... Layers>
void put(A& ar, const Network<Layers...>& net) {
    detail::put(ar, net.kinds());
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto one = [&ar](const std::string& name, const auto& layer, const auto& parameters) {
            detail::put(ar, name);
            if constexpr (requires { layer.constants(); }) {
                std::apply([&ar](const auto&... c) { (detail::put(ar, c), ...); }, layer.constants());
            }
            for_each_block([&ar](const auto& block) { detail::put(ar, block); }, parameters);
        };
        const auto each = [&]<std::size_t K>(std::integral_constant<std::size_t, K>) {
            if constexpr (requires { net.template layer<K>().kinds(); }) {
                detail::put(ar, net.names()[K]);
                auto inner = net.template layer<K>();
                inner.parameters() = std::get<K>(net.parameters().layers);
                put(ar, inner);
            } else {
                one(net.names()[K], net.template layer<K>(), std::get<K>(net.parameters().layers));
            }
        };
        (each(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::index_sequence_for<Layers...>{});
}

/// Reads a network of the same layer types. Throws MismatchError if the archive holds another network, FormatError for
/// lengths that cannot be.
template <class A, class... Layers>
void get(A& ar, Network<Layers...>& net, const detail::Limit& limit = {}) {
    std::string kinds;
    detail::get(ar, kinds, limit);
    if (kinds != net.kinds()) detail::raise<MismatchError>("network", "layers", kinds, net.kinds());
    std::array<std::string, sizeof...(Layers)> names;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto each = [&]<std::size_t K>(std::integral_constant<std::size_t, K>) {
            auto& layer = net.template layer<K>();
            auto& parameters = std::get<K>(net.parameters().layers);
            detail::get(ar, names[K], limit);
            if constexpr (requires { layer.kinds(); }) {
                get(ar, layer, limit);
                parameters = std::exchange(layer.parameters(), {});
            } else {
                if constexpr (requires { layer.constants(); }) {
                    std::apply([&](auto&... c) { (detail::get(ar, c, limit), ...); }, layer.constants());
                    layer.check();
                }
                for_each_block([&](auto& block) { detail::get(ar, block, limit); }, parameters);
                if constexpr (requires { layer.check(parameters); }) layer.check(parameters);
            }
        };
        (each(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::index_sequence_for<Layers...>{});
    net.rename_all(std::move(names));
    net.check_sizes();
}

template <class A>
void put(A& ar, const Point& point) {
    detail::put(ar, point.name);
    detail::put(ar, static_cast<std::uint8_t>(point.kind));
    detail::put(ar, static_cast<std::int64_t>(point.layer));
    detail::put(ar, static_cast<std::int64_t>(point.width));
    detail::put(ar, static_cast<std::int64_t>(point.derived_from));
    detail::put(ar, point.units);
}

/// Throws FormatError unless the point can stand at place `number` of a table.
template <class A>
void get(A& ar, Point& point, const detail::Limit& limit) {
    std::uint8_t kind = 0;
    std::int64_t layer = 0, width = 0, derived_from = 0;
    detail::get(ar, point.name, limit);
    detail::get(ar, kind, limit);
    detail::get(ar, layer, limit);
    detail::get(ar, width, limit);
    detail::get(ar, derived_from, limit);
    detail::get(ar, point.units, limit);
    point.kind = kind == 0 ? Kind::pre : Kind::post;
    point.layer = layer;
    point.width = width;
    point.derived_from = derived_from;
}

namespace detail {

inline void check_point(const std::vector<Point>& points, std::size_t number) {
    const Point& point = points[number];
    bool fine = point.width >= 0 && point.derived_from >= -1 && point.derived_from < static_cast<Index>(number);
    for (std::size_t u = 0; u < point.units.size(); ++u) {
        fine =
            fine && static_cast<Index>(point.units[u]) < point.width && (u == 0 || point.units[u - 1] < point.units[u]);
    }
    if (fine && !point.stored()) {
        const Point& source = points[static_cast<std::size_t>(point.derived_from)];
        fine = source.stored() && source.units == point.units;
    }
    if (!fine) raise<FormatError>("store", "point " + point.name, "an impossible one", "one as recorded");
}

inline void check_classes(const char* what, const std::vector<std::int32_t>& values, std::int64_t classes) {
    for (const std::int32_t value : values) {
        if (value < 0 || value >= classes) {
            raise<FormatError>("store", what, std::to_string(value), "0.." + std::to_string(classes - 1));
        }
    }
}

}  // namespace detail

/// Writes a store to any cereal output archive.
template <class A, class S>
void put(A& ar, const MemoryStore<S>& store) {
    detail::put(ar, store.build);
    detail::put(ar, store.fingerprint);
    detail::put(ar, store.points);
    detail::put(ar, store.ids);
    detail::put(ar, store.labels);
    detail::put(ar, store.predictions);
    detail::put(ar, store.tags);
    detail::put(ar, store.class_names);
    detail::put(ar, store.outputs);
    detail::put(ar, store.first_input);
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) {
            const auto values = store.values({p, u});
            detail::put_block(ar, values.data(), values.size());
        }
    }
}

/// Reads a store. Throws FormatError for lengths, numbers or tables that cannot be.
template <class A, class S>
void get(A& ar, MemoryStore<S>& store, const detail::Limit& limit = {}) {
    detail::get(ar, store.build, limit);
    detail::get(ar, store.fingerprint, limit);
    detail::get(ar, store.points, limit);
    detail::get(ar, store.ids, limit);
    detail::get(ar, store.labels, limit);
    detail::get(ar, store.predictions, limit);
    detail::get(ar, store.tags, limit);
    detail::get(ar, store.class_names, limit);
    detail::get(ar, store.outputs, limit);
    detail::get(ar, store.first_input, limit);
    const std::size_t n = store.ids.size();
    const auto fits = [n](std::size_t count) { return count == 0 || count == n; };
    if (!fits(store.labels.size()) || !fits(store.predictions.size()) || !fits(store.tags.size()) ||
        store.outputs.cols() != static_cast<Index>(n)) {
        detail::raise<FormatError>("store", "numbers of samples", "different ones", std::to_string(n) + " each");
    }
    const auto named = static_cast<std::int64_t>(store.class_names.size());
    const std::int64_t classes = named > 0 ? named : std::numeric_limits<std::int32_t>::max();
    detail::check_classes("label", store.labels, classes);
    detail::check_classes("prediction", store.predictions, std::max<std::int64_t>(2, store.outputs.rows()));
    std::uint64_t units = 0;
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        detail::check_point(store.points, p);
        if (store.points[p].stored()) units += store.points[p].units.size();
    }
    limit.require(units, n * sizeof(S));
    store.reserve(static_cast<Index>(n), 0);
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (Index u = 0; u < store.points[p].count(); ++u) detail::get_block(ar, store.column(p, u), n);
    }
    store.index_ids();
}

/// save("digits.renn", net): structure, names, constants and parameters. Appears whole or not at all.
/// Throws FormatError if the file cannot be written.
template <class... Layers>
void save(const std::string& path, const Network<Layers...>& net) {
    using S = typename Network<Layers...>::Scalar;
    detail::write_archive(path, "network", sizeof(S), [&](auto& ar) { put(ar, net); });
}

/// save("digits.renn", traced): network (not foreign code) and recording. The index is built again after loading.
template <class Model, class Store, class Policy>
void save(const std::string& path, const TracedNetwork<Model, Store, Policy>& traced) {
    detail::write_archive(path, "traced", sizeof(typename Model::Scalar), [&](auto& ar) {
        constexpr bool own = requires {
            put(ar, traced.network());
        };
        detail::put(ar, static_cast<std::uint8_t>(own));
        if constexpr (own) put(ar, traced.network());
        put(ar, traced.store());
    });
}

/// auto net = load<Net>("digits.renn"), auto traced = load<Traced>("traced.renn"): the type says what is expected.
///
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other layers. The file's checksum is checked before a byte of it is parsed.
template <class T>
T load(const std::string& path) {
    if constexpr (requires { typename T::Answer; }) {
        using Model = std::remove_cvref_t<decltype(std::declval<T>().network())>;
        using Store = std::remove_cvref_t<decltype(std::declval<T>().store())>;
        Model model;
        Store store;
        detail::read_frame(path, "traced", sizeof(typename T::Scalar), [&](auto& ar, const detail::Limit& limit) {
            std::uint8_t own = 0;
            detail::get(ar, own, limit);
            if (own == 0) {
                detail::raise<MismatchError>("traced network", "model", "foreign code, which is not in the file",
                                             "a network; use restore(path, traced)");
            }
            get(ar, model, limit);
            get(ar, store, limit);
        });
        return T(std::move(model), std::move(store));
    } else {
        T net;
        detail::read_frame(path, "network", sizeof(typename T::Scalar),
                           [&](auto& ar, const detail::Limit& limit) { get(ar, net, limit); });
        return net;
    }
}

/// Gives a recording back to foreign code, or to a network that is there already.
/// Throws   as load; MismatchError also if the recording was made with another network or other code.
template <class Model, class Store, class Policy>
void restore(const std::string& path, TracedNetwork<Model, Store, Policy>& traced) {
    Store store;
    detail::read_frame(path, "traced", sizeof(typename Model::Scalar), [&](auto& ar, const detail::Limit& limit) {
        std::uint8_t own = 0;
        detail::get(ar, own, limit);
        constexpr bool network = requires {
            put(ar, traced.network());
        }
        || requires {
            typename Model::Parameters;
        };
        if (network != (own != 0)) {
            detail::raise<MismatchError>("traced network", "model", own != 0 ? "a network" : "foreign code",
                                         network ? "a network" : "foreign code");
        }
        if constexpr (network) {
            Model recorded_with = traced.network();
            get(ar, recorded_with, limit);
        }
        get(ar, store, limit);
    });
    traced.restore(std::move(store));
}

}  // namespace renn
