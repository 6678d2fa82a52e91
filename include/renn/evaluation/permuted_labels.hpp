// SPDX-License-Identifier: MIT
// renn/evaluation/permuted_labels.hpp - the same network trained on labels that mean nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/evaluation/sanity_checks.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit.hpp>

namespace renn::inline RENN_ABI {

/// The same samples, each with the label of a random other one. Throws DataError without labels.
template <class S>
Dataset<S> with_permuted_labels(const Dataset<S>& data, std::uint64_t seed = 0) {
    if (!data.has_labels()) detail::raise<DataError>("with_permuted_labels", "labels", "none", "one a sample");
    DatasetDescription<S> more = data.description();
    Rng rng(seed);
    shuffle(more.labels, rng);
    return data.holds_bytes() ? Dataset<S>(data.pixels(), std::move(more)) : Dataset<S>(data.values(), std::move(more));
}

/// A network that knows its samples by heart.
template <class Net>
struct Memorised {
    Net network;
    double accuracy = 0.0;  ///< on the permuted labels it was trained on
    int epochs = 0;
    bool learnt = false;  ///< the accuracy is what was wanted
};

/// A network like this one, begun anew and trained on permuted labels until it knows `accuracy` of them by heart, or
/// until options.epochs are over. Its explanations should differ from those of the network of the true labels:
/// compare_networks tells.
///
/// Throws   as fit and with_permuted_labels.
/// Source   Adebayo et al. (2018), data randomisation test.
template <class Net, class S>
Memorised<Net> train_on_permuted_labels(Net net, const Dataset<S>& data, FitOptions options = {},
                                        double accuracy = 0.95, std::uint64_t seed = 0) {
    for_each_layer(net, [&, draw = std::uint64_t{0}](std::string_view path, auto& layer, auto& parameters) mutable {
        Reinitialise{}(path, layer, parameters, mix(seed, draw++));
    });
    const Dataset<S> permuted = with_permuted_labels(data, seed);
    Memorised<Net> result{std::move(net)};
    options.on_epoch = [&, own = options.on_epoch](const Epoch& epoch) {
        result.epochs = epoch.number;
        return epoch.accuracy < accuracy && (!own || own(epoch));
    };
    fit(result.network, permuted, options);
    result.accuracy = evaluate(result.network, permuted, CrossEntropy{}).accuracy;
    result.learnt = result.accuracy >= accuracy;
    return result;
}

}  // namespace renn::inline RENN_ABI
