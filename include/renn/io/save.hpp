// SPDX-License-Identifier: MIT
// renn/io/save.hpp - networks and traced networks as files.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
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
#include <renn/io/save_point.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/memory_store.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

template <class A, class Net, class P>
void put_network(A& ar, const Net& net, const P& parameters) {
    put(ar, net.kinds());
    Net::for_each_child(net, parameters, [&ar](const std::string& name, const auto& layer, const auto& w) {
        put(ar, name);
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            put_network(ar, layer, w);
        } else {
            if constexpr (requires { layer.constants(); }) {
                std::apply([&ar](const auto&... c) { (put(ar, c), ...); }, layer.constants());
            }
            for_each_block([&ar](const auto& block) { put(ar, block); }, w);
        }
    });
}

template <class A, class Net, class P>
void get_network(A& ar, Net& net, P& parameters, const Limit& limit) {
    std::string kinds;
    get(ar, kinds, limit);
    // A kind is a few letters and becomes a layer of up to half of this; the list of them grows by doubling.
    constexpr std::uint64_t bytes = 2048;
    limit.require(1 + static_cast<std::uint64_t>(std::count(kinds.begin(), kinds.end(), ',')), 8, bytes);
    net.take_kinds(kinds, parameters);
    std::vector<std::string> names;
    Net::for_each_child(net, parameters, [&](const std::string&, auto& layer, auto& w) {
        using L = std::remove_cvref_t<decltype(layer)>;
        get(ar, names.emplace_back(), limit);
        if constexpr (CompositeLayer<L>) {
            get_network(ar, layer, w, limit);
        } else {
            if constexpr (requires { layer.constants(); }) {
                std::apply([&](auto&... c) { (get(ar, c, limit), ...); }, layer.constants());
                layer.check();
            }
            for_each_block([&](auto& block) { get(ar, block, limit); }, w);
            if constexpr (requires { layer.check(w); }) layer.check(w);
        }
    });
    net.rename_all(std::move(names));
    net.check_sizes();
}

}  // namespace detail

/// Writes a network to any cereal output archive: what it is, then every layer's name, constants and parameters. A
/// Network and the Sequential of the same layers write the same.
template <class A, CompositeLayer Net>
void put(A& ar, const Net& net) {
    detail::put_network(ar, net, net.parameters());
}

/// Reads a network: a Network of the same layer types, or any into a Sequential that knows its kinds. Throws
/// MismatchError if the archive holds another network, FormatError for lengths that cannot be.
template <class A, CompositeLayer Net>
void get(A& ar, Net& net, const detail::Limit& limit = {}) {
    detail::get_network(ar, net, net.parameters(), limit);
}

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
            for (Index d = 0; d < store.points[p].dimensions(); ++d) {
                const auto values = store.values({p, u}, d);
                detail::put_block(ar, values.data(), values.size());
            }
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
    if (n == 0) detail::raise<FormatError>("store", "samples", "0", "1 or more");
    const auto fits = [n](std::size_t count) { return count == 0 || count == n; };
    if (!fits(store.labels.size()) || !fits(store.predictions.size()) || !fits(store.tags.size()) ||
        store.outputs.cols() != static_cast<Index>(n)) {
        detail::raise<FormatError>("store", "numbers of samples", "different ones", std::to_string(n) + " each");
    }
    const auto named = static_cast<std::int64_t>(store.class_names.size());
    detail::check_classes("label", store.labels, named > 0 ? named : detail::most_classes(0, store.samples()));
    detail::check_classes("prediction", store.predictions, std::max<std::int64_t>(2, store.outputs.rows()));
    std::uint64_t columns = 0;
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        detail::check_point(store.points, p);
        if (!store.points[p].stored()) continue;
        columns += static_cast<std::uint64_t>(store.points[p].columns());
        limit.require(columns, n * sizeof(S));
    }
    store.reserve(static_cast<Index>(n), 0);
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (Index u = 0; u < store.points[p].columns(); ++u) detail::get_block(ar, store.column(p, u), n);
    }
    store.index_ids();
}

namespace detail {

/// `to`: a file's name or a stream.
template <class To, CompositeLayer Net>
void save_network(To& to, const Net& net) {
    write_archive(to, "network", sizeof(typename Net::Scalar), [&](auto& ar) { put(ar, net); });
}

template <class To, class Model, class Store, class Policy>
void save_traced(To& to, const TracedNetwork<Model, Store, Policy>& traced) {
    write_archive(to, "traced", sizeof(typename Model::Scalar), [&](auto& ar) {
        constexpr bool own = requires {
            put(ar, traced.network());
        };
        put(ar, static_cast<std::uint8_t>(own));
        if constexpr (own) put(ar, traced.network());
        put(ar, traced.store());
    });
}

/// `from`: a file's name or a stream.
template <class T, class From>
T load_from(From& from) {
    if constexpr (requires { typename T::Answer; }) {
        using Model = std::remove_cvref_t<decltype(std::declval<T>().network())>;
        using Store = std::remove_cvref_t<decltype(std::declval<T>().store())>;
        static_assert(std::is_default_constructible_v<Model>,
                      "renn::load: foreign code is not in a file; trace it again, then restore(path, traced)");
        Model model;
        Store store;
        read_frame(from, "traced", sizeof(typename T::Scalar), [&](auto& ar, const Limit& limit) {
            std::uint8_t own = 0;
            get(ar, own, limit);
            if (own == 0) {
                raise<MismatchError>("traced network", "model", "foreign code, which is not in the file",
                                     "a network; use restore(path, traced)");
            }
            get(ar, model, limit);
            get(ar, store, limit);
        });
        return T(std::move(model), std::move(store));
    } else {
        T net;
        read_frame(from, "network", sizeof(typename T::Scalar),
                   [&](auto& ar, const Limit& limit) { get(ar, net, limit); });
        return net;
    }
}

}  // namespace detail

/// save("digits.renn", net): structure, names, constants and parameters. Appears whole or not at all.
/// Throws FormatError if the file cannot be written.
template <CompositeLayer Net>
void save(const std::string& path, const Net& net) {
    detail::save_network(path, net);
}

/// The same bytes into a stream; they are held in memory meanwhile.
template <CompositeLayer Net>
void save(std::ostream& out, const Net& net) {
    detail::save_network(out, net);
}

/// save("digits.renn", traced): network (not foreign code) and recording. The index is built again after loading.
template <class Model, class Store, class Policy>
void save(const std::string& path, const TracedNetwork<Model, Store, Policy>& traced) {
    detail::save_traced(path, traced);
}

/// The same bytes into a stream; they are held in memory meanwhile.
template <class Model, class Store, class Policy>
void save(std::ostream& out, const TracedNetwork<Model, Store, Policy>& traced) {
    detail::save_traced(out, traced);
}

/// auto net = load<Net>("digits.renn"), auto traced = load<Traced>("traced.renn"): the type says what is expected.
///
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other layers. The file's checksum is checked before a byte of it is parsed.
template <class T>
T load(const std::string& path) {
    return detail::load_from<T>(path);
}

/// The same from a stream that is at the beginning of what save wrote; it is then just behind it. Memory: that of the
/// bytes and of what they hold, never more for a length that is only claimed.
template <class T>
T load(std::istream& in) {
    return detail::load_from<T>(in);
}

/// Gives a recording back to foreign code, or to a network that is there already.
/// Throws   as load; MismatchError also if the recording was made with another network or other code.
template <class Model, class Store, class Policy>
void restore(const std::string& path, TracedNetwork<Model, Store, Policy>& traced) {
    Store store;
    detail::read_frame(path, "traced", sizeof(typename Model::Scalar), [&](auto& ar, const detail::Limit& limit) {
        std::uint8_t own = 0;
        detail::get(ar, own, limit);
        constexpr bool archived = requires {
            put(ar, traced.network());
        };
        constexpr bool has_parameters = requires {
            typename Model::Parameters;
        };
        constexpr bool network = archived || has_parameters;
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

}  // namespace renn::inline RENN_ABI
