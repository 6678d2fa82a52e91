// SPDX-License-Identifier: MIT
// renn/retrace/trace.hpp - makes a traced network of a network or of any code, with its index and its store.
#pragma once

#include <type_traits>
#include <utility>

#include <renn/core/layer.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/probe.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

/// trace(net) or trace<Sorted>(net): the network unchanged, ready to record.
template <class Policy = KdTree, CompositeLayer Net>
auto trace(Net net, Selection selection = {}) {
    return TracedNetwork<Net, MemoryStore<typename Net::Scalar>, Policy>(std::move(net), std::move(selection));
}

/// trace<Sorted, Float16>(net): the same with values kept as an encoding of tracing/reduced.hpp makes them.
template <class Policy, class E, CompositeLayer Net>
    requires Encoding<E, typename Net::Scalar>
auto trace(Net net, Selection selection = {}) {
    return TracedNetwork<Net, MemoryStore<typename Net::Scalar, E>, Policy>(std::move(net), std::move(selection));
}

/// trace<Sorted, PackedStore>(net): the same with what is recorded kept otherwise, in a store made of a MemoryStore
/// (tracing/sorted_store.hpp, tracing/packed_store.hpp).
template <class Policy, template <class> class Store, CompositeLayer Net>
auto trace(Net net, Selection selection = {}) {
    return TracedNetwork<Net, Store<typename Net::Scalar>, Policy>(std::move(net), std::move(selection));
}

/// trace<Sorted>(net, FileStore<float>::open("digits.store")): with a store recorded earlier. Throws MismatchError if
/// it belongs to another network.
template <class Policy = KdTree, CompositeLayer Net, ActivationStore Store>
auto trace(Net net, Store store) {
    return TracedNetwork<Net, Store, Policy>(std::move(net), std::move(store));
}

/// trace(callable): any code that takes a matrix, features x samples, and reports named matrices to a probe. It runs on
/// one thread unless the options allow more.
template <class Policy = KdTree, class S = float, class F>
    requires Probed<S, F>
auto trace(F function, ForeignOptions options = {}, Selection selection = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, MemoryStore<S>, Policy>(Model(std::move(function), options), std::move(selection));
}

/// The same for foreign code.
template <class Policy = KdTree, class S = float, class F, ActivationStore Store>
    requires Probed<S, F>
auto trace(F function, Store store, ForeignOptions options = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, Store, Policy>(Model(std::move(function), options), std::move(store));
}

/// trace_each([] { return MyNetwork(); }): foreign code that keeps state, made anew for each thread.
template <class Policy = KdTree, class S = float, class F>
    requires Probed<S, std::invoke_result_t<F&>>
auto trace_each(F make, ForeignOptions options = {}, Selection selection = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, MemoryStore<S>, Policy>(Model(std::move(make), options), std::move(selection));
}

}  // namespace renn::inline RENN_ABI
