// SPDX-License-Identifier: MIT
// renn/attribution/relevance_propagation.hpp - relevance propagation as a method of attribution.
#pragma once

#include <any>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/ledger.hpp>
#include <renn/attribution/logits.hpp>
#include <renn/attribution/relevance/composite.hpp>
#include <renn/attribution/relevance/presets.hpp>
#include <renn/attribution/relevance/relevance_walk.hpp>
#include <renn/attribution/relevance/rules.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>

namespace renn::inline RENN_ABI {

/// What relevance starts with where the target stands: the outputs times the target's slope, so that an output starts
/// with its own value; or the slope alone, so that it starts with 1.
enum class RelevanceStart : std::uint8_t { value, slope };

/// Layer-wise relevance propagation: every layer hands what its outputs are credited with on to its inputs, by the rule
/// that the composite gives it. EpsilonPlusFlat, the reference of many papers, gives all inputs of a dense first layer
/// the same score; so it is not the default.
///
///     const auto result = renn::attribute(net, x, renn::output(3), renn::RelevancePropagation{});
///     result.scores, result.ledger.text(0)
///
/// `gap` is what relevance started with less the sum of the scores; the ledger tells where it went. With
/// `keep_relevance` the ledger keeps the relevance at every layer: result.ledger["relu1"].relevance.
///
/// A network with BatchNorm should be canonised first (relevance/canonise.hpp); else it passes them, with a warning.
/// Standardize passes: the scores are of what it puts out, and belong to the same features.
///
/// There is no rule for Softmax. Of a network that ends in one, a target on the outputs is taken of the logits that
/// this takes in: output(3) is logit 3, probability(3) the network's own; `explained`, `gap` and the ledger are of
/// that, and a warning in the result says so. Any other Softmax below the target is refused.
///
/// Throws   as the target; DataError for a layer without a rule or with one that does not fit, and for relevance that
///          is not finite, naming the layer. A layer type that no rule can be for is a compile error in a Network, a
///          DataError in a Sequential.
/// Cost     a forward pass and, of each layer with weights, up to one forward and one transposed map for each modified
///          form of its weights. Used again with the same workspace and result it allocates nothing.
/// Source   Bach et al. (2015); Montavon et al. (2019).
struct RelevancePropagation {
    static constexpr bool from_logits = true;  ///< a network's that ends in Softmax: what is explained is of those

    relevance::Composite composite = {};  ///< left out: relevance::epsilon_plus()
    RelevanceStart start = RelevanceStart::value;
    bool keep_relevance = false;

    /// See attribute().
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        run(net, x, target, workspace, result, std::identity{});
    }

    /// The same with what `wrap` makes of the walk in its place: one that looks at relevance or changes it where it
    /// arrives (network/arriving.hpp).
    template <class Net, class T, class Wrap>
    void run(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
             AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result, Wrap&& wrap) const {
        using S = typename Net::Scalar;
        using Places = std::vector<detail::RelevancePlace<S>>;
        Places* places = std::any_cast<Places>(&workspace.kept);
        if (places == nullptr) places = &workspace.kept.template emplace<Places>();
        assign(net, *places, result.ledger);
        result.warnings.clear();

        const bool below_softmax = detail::forward_to_logits(net, x, target, workspace);
        if (below_softmax) result.warnings.push_back(detail::logits_warning());
        const bool inside = below_softmax || detail::is_place_target<T>;
        if (start == RelevanceStart::value) {
            workspace.start.array() *= (inside ? workspace.explained : workspace.pass.output).array();
        }
        result.explained = workspace.value;
        if (result.gap.size() != x.cols()) result.gap.resize(x.cols());
        using Walk = RelevanceWalk<S, detail::has_run_time_parts<typename Net::Parameters>()>;
        for (Index j = 0; j < x.cols(); ++j) result.gap[j] = static_cast<S>(Walk::sum(workspace.start, j));
        detail::require_finite<S>("relevance propagation", "relevance to start with", workspace.start);

        Walk walk(result.ledger, *places, result.warnings, keep_relevance, below_softmax);
        auto&& rule = wrap(walk);
        backward_from(net, x, target, rule, workspace, result.scores);
        for (Index j = 0; j < x.cols(); ++j) result.gap[j] -= static_cast<S>(Walk::sum(result.scores, j));
        drop_unreached(*places, result.ledger);
    }

private:
    /// Finds every layer's rule, anew for each call: nothing is remembered of a network.
    template <class Net, class S>
    void assign(const Net& net, std::vector<detail::RelevancePlace<S>>& places, Ledger<S>& ledger) const {
        static const relevance::Rule sum_rule = relevance::Norm{};
        static const relevance::Composite usual = relevance::epsilon_plus();
        const relevance::Composite& rules = composite.empty() ? usual : composite;
        std::size_t count = 0;
        const auto next_line = [&](std::string_view path) -> detail::RelevancePlace<S>& {
            if (places.size() == count) places.emplace_back();
            if (ledger.lines.size() == count) ledger.lines.emplace_back();
            ledger.lines[count].layer.assign(path);
            ledger.lines[count].relevance.resize(0, 0);
            places[count].reached = false;
            places[count].rule = &sum_rule;
            return places[count++];
        };
        const auto layer = [&](const relevance::LayerInfo& info) {
            auto& place = next_line(info.path);
            place.rule = nullptr;
            place.info = info;
        };
        const auto sum = [&](std::string_view path) { next_line(path); };
        detail::Path path;
        relevance::LayerInfo next;
        detail::for_each_relevant(net, net.parameters(), path, next, true, layer, sum);
        places.resize(count);
        ledger.lines.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            if (places[i].rule != nullptr) continue;
            places[i].info.path = ledger.lines[i].layer;
            places[i].info.weighted_count = next.weighted_index;
            places[i].rule = &rules.rule(places[i].info);
        }
    }

    /// A target inside the network leaves layers above it out.
    template <class S>
    static void drop_unreached(const std::vector<detail::RelevancePlace<S>>& places, Ledger<S>& ledger) {
        for (std::size_t i = places.size(); i-- > 0;) {
            if (!places[i].reached) ledger.lines.erase(ledger.lines.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
};

}  // namespace renn::inline RENN_ABI
