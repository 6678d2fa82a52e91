// SPDX-License-Identifier: MIT
// renn/evaluation/sanity_checks.hpp - whether an explanation depends on what the network has learnt.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>
#include <renn/evaluation/complexity.hpp>
#include <renn/evaluation/explained.hpp>
#include <renn/evaluation/map_similarity.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/layers/initialise.hpp>
#include <renn/network/for_each_layer.hpp>

namespace renn::inline RENN_ABI {

/// Gives a layer the parameters of one just made: matrices drawn by an initialiser, He's unless told otherwise, columns
/// zero, the scales of a normalisation one and its running statistics those of no data. Of a layer of your own with
/// other ideas, pass your own callable (path, layer, parameters, seed) in its place.
struct Reinitialise {
    template <class L, class P>
    void operator()(std::string_view, L& layer, P& parameters, std::uint64_t seed) const {
        using S = typename L::Scalar;
        std::uint64_t draw = 0;
        for_each_block(
            [&](auto& block) {
                if constexpr (std::remove_cvref_t<decltype(block)>::ColsAtCompileTime == 1) {
                    block.setZero();
                } else {
                    He{mix(seed, draw++)}(block, block.cols(), block.rows());
                }
            },
            parameters);
        if constexpr (requires { P::ones(Index{}); }) parameters.weights.setOnes();
        if constexpr (requires { layer.set_running(layer.running_mean(), layer.running_variance()); }) {
            const Index n = layer.running_mean().size();
            layer.set_running(Column<S>::Zero(n), Column<S>::Ones(n));
        }
    }
};

/// Paths of the layers that have parameters, in the order of the forward walk.
template <class Net>
std::vector<std::string> layers_with_parameters(const Net& net) {
    std::vector<std::string> paths;
    for_each_layer(net, [&](std::string_view path, const auto&, const auto& parameters) {
        if (parameter_count(parameters) > 0) paths.emplace_back(path);
    });
    return paths;
}

/// A copy of a network in which one layer begins anew. Throws DataError if it has no such layer with parameters.
template <class Net, class Replace = Reinitialise>
Net with_layer_randomised(Net net, std::string_view layer, std::uint64_t seed, const Replace& replace = {}) {
    bool found = false;
    for_each_layer(net, [&](std::string_view path, auto& l, auto& parameters) {
        if (path != layer || parameter_count(parameters) == 0) return;
        replace(path, l, parameters, seed);
        found = true;
    });
    if (!found) detail::raise_unknown("with_layer_randomised", "layer", layer, layers_with_parameters(net));
    return net;
}

/// Which layers are new at a stage.
enum class RandomiseOrder : std::uint8_t {
    cascading,   ///< from the last layer to the first, each stage on top of those before
    independent  ///< one layer at a time, all others as trained
};

/// Options of randomise_parameters.
struct RandomiseOptions {
    RandomiseOrder order = RandomiseOrder::cascading;
    std::uint64_t seed = 0;
    Shape image = {};      ///< for the comparison as pictures; none: no pictures
    double similar = 0.3;  ///< mean correlation above which maps count as the same
};

/// How alike explanations stay while the network forgets.
struct RandomisationCheck {
    std::vector<std::string> layers;  ///< made new at each stage
    /// Stages x samples, NaN where a map is constant; see MapSimilarity.
    Batch<double> spearman, absolute, scored, absolute_scored, structural, oriented;
    /// Of each sample the mean over the stages of `absolute_scored`; its curve is that.
    Measurement similarity;
    /// The same of `scored`, of R with its signs.
    Measurement signed_similarity;
    /// At the last stage: with cascading, when nothing learnt is left.
    Measurement at_the_end;
    /// (entropy of the last stage's |R| - that before) / that before; larger is better. Source: Hedstroem et al.
    /// (2023).
    std::vector<double> entropy_rise;
    /// similarity.score or signed_similarity.score is above RandomiseOptions::similar: without what was learnt the
    /// method shows much the same places, or the same signs at places of other sizes.
    bool stays_similar = false;
};

namespace detail {

inline void put_row(Batch<double>& to, Index stage, Index stages, const std::vector<double>& values) {
    const auto n = static_cast<Index>(values.size());
    reshape(to, stages, n);
    for (Index j = 0; j < n; ++j) to(stage, j) = values[static_cast<std::size_t>(j)];
}

inline std::vector<double> column_means(const Batch<double>& m) {
    std::vector<double> means;
    for (Index j = 0; j < m.cols(); ++j) {
        const Column<double> own = m.col(j);
        means.push_back(mean_of(std::vector<double>(own.data(), own.data() + own.size())));
    }
    return means;
}

}  // namespace detail

/// Model parameter randomisation: makes layers new and compares the explanations with those of the trained network, for
/// the same target (the class predicted at first, if the target is the prediction). A method that stays similar does
/// not explain what was learnt. Smooth MPRT, the same of maps that are each the mean over noisy copies of the input, is
/// this check of Smoothed<Method> (attribution/smooth_gradient.hpp): noise of single maps no longer passes for
/// forgetting. Input times gradient keeps the input's own pattern in |R|: compare with edge_map as
/// well.
///
/// Shapes   x: features x n.
/// Throws   as the method and compare_maps; DataError for a network without parameters.
/// Cost     a map of x and its comparison a stage.
/// Source   Adebayo et al., Sanity Checks for Saliency Maps (2018); Smooth MPRT: Hedstroem et al., Sanity Checks
/// Revisited
///          (2023).
template <class Net, class D, class T, class M, class Replace = Reinitialise>
RandomisationCheck randomise_parameters(const Net& net, const Eigen::MatrixBase<D>& x, const T& target, const M& method,
                                        const RandomiseOptions& options = {}, const Replace& replace = {}) {
    using S = typename Net::Scalar;
    constexpr const char* where = "randomise_parameters";
    const BatchView<S> input(x.derived());
    const detail::Explained<S> before = detail::explained<S>(net, input, target);
    const T same = detail::settled_by(target, before);
    const Batch<S> original = scores_of<S>(net, input, same, method);
    RandomisationCheck check;
    check.layers = layers_with_parameters(net);
    if (check.layers.empty()) detail::raise<DataError>(where, "layers with parameters", "none", "1 or more");
    std::reverse(check.layers.begin(), check.layers.end());
    const auto stages = static_cast<Index>(check.layers.size());
    Net changed = net;
    Batch<S> map;
    for (Index stage = 0; stage < stages; ++stage) {
        if (options.order == RandomiseOrder::independent) changed = net;
        changed = with_layer_randomised(std::move(changed), check.layers[static_cast<std::size_t>(stage)],
                                        mix(options.seed, static_cast<std::uint64_t>(stage)), replace);
        map = scores_of<S>(changed, input, same, method);
        const MapSimilarity s = compare_maps(original, map, options.image);
        detail::put_row(check.spearman, stage, stages, s.spearman);
        detail::put_row(check.absolute, stage, stages, s.absolute);
        detail::put_row(check.scored, stage, stages, s.scored);
        detail::put_row(check.absolute_scored, stage, stages, s.absolute_scored);
        if (options.image.unknown()) continue;
        detail::put_row(check.structural, stage, stages, s.structural);
        detail::put_row(check.oriented, stage, stages, s.oriented);
    }
    check.similarity = detail::measured(where, detail::column_means(check.absolute_scored), check.absolute_scored);
    check.signed_similarity = detail::measured(where, detail::column_means(check.scored), check.scored);
    check.at_the_end = detail::measured(where, detail::column_means(check.absolute_scored.bottomRows(1)));
    const std::vector<double> then = map_entropy(original).per_sample, now = map_entropy(map).per_sample;
    for (std::size_t i = 0; i < then.size(); ++i) check.entropy_rise.push_back((now[i] - then[i]) / then[i]);
    check.stays_similar = std::max(check.similarity.score, check.signed_similarity.score) > options.similar;
    return check;
}

/// Options of compare_networks and random_logit.
struct DifferenceOptions {
    Shape image = {};        ///< for the comparison as pictures; none: no pictures
    double similar = 0.3;    ///< mean correlation above which maps count as the same
    std::uint64_t seed = 0;  ///< of the other outputs
};

/// Two sets of explanations that should differ.
struct DifferenceCheck {
    MapSimilarity maps;
    Measurement similarity;      ///< Spearman's of R
    bool stays_similar = false;  ///< the mean is above the limit: the method does not see the difference
};

namespace detail {

template <class S>
DifferenceCheck difference_check(const char* where, const Batch<S>& a, const Batch<S>& b,
                                 const DifferenceOptions& options) {
    DifferenceCheck check;
    check.maps = compare_maps(a, b, options.image);
    check.similarity = measured(where, check.maps.spearman);
    check.stays_similar = check.similarity.score > options.similar;
    return check;
}

}  // namespace detail

/// Compares the explanations of two networks for the same target, such as one trained on the true labels and one on
/// permuted ones (data randomisation, see permuted_labels.hpp). Throws as the method and compare_maps.
template <class Net, class Other, class D, class T, class M>
DifferenceCheck compare_networks(const Net& net, const Other& other, const Eigen::MatrixBase<D>& x, const T& target,
                                 const M& method, const DifferenceOptions& options = {}) {
    using S = typename D::Scalar;
    const BatchView<S> input(x.derived());
    const detail::Explained<S> before = detail::explained<S>(net, input, target);
    const T same = detail::settled_by(target, before);
    return detail::difference_check("compare_networks", scores_of<S>(net, input, same, method),
                                    scores_of<S>(other, input, same, method), options);
}

/// Random logit: compares the explanation of each sample's output with that of another one, drawn at random.
/// Throws as the method and compare_maps; DataError for a network with one output.
/// Source   Sixt, Granz and Landgraf (2020).
template <class Net, class D, class M>
DifferenceCheck random_logit(const Net& net, const Eigen::MatrixBase<D>& x, const OutputTarget& target, const M& method,
                             const DifferenceOptions& options = {}) {
    using S = typename D::Scalar;
    const BatchView<S> input(x.derived());
    const detail::Explained<S> before = detail::explained<S>(net, input, target);
    const auto outputs = static_cast<std::uint64_t>(before.outputs.rows());
    if (outputs < 2) detail::raise<DataError>("random_logit", "outputs", std::to_string(outputs), "2 or more");
    std::vector<std::int32_t> own, other;
    for (Index j = 0; j < input.cols(); ++j) {
        Rng rng(mix(options.seed, static_cast<std::uint64_t>(j)));
        const auto c = static_cast<std::uint64_t>(target.choice.template of<S>(BatchView<S>(before.outputs), j));
        own.push_back(static_cast<std::int32_t>(c));
        other.push_back(static_cast<std::int32_t>((c + 1 + rng.below(outputs - 1)) % outputs));
    }
    return detail::difference_check("random_logit", scores_of<S>(net, input, output(own), method),
                                    scores_of<S>(net, input, output(other), method), options);
}

}  // namespace renn::inline RENN_ABI
