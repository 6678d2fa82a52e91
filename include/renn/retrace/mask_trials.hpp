// SPDX-License-Identifier: MIT
// renn/retrace/mask_trials.hpp - runs labelled samples through a model under one mask after another.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/path.hpp>
#include <renn/data/dataset.hpp>
#include <renn/evaluation/confusion.hpp>
#include <renn/network/mask.hpp>
#include <renn/tracing/masked_foreign.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/training/evaluate.hpp>

namespace renn::inline RENN_ABI {

/// What a model does under a mask.
struct MaskTrial {
    Confusion confusion;
    std::vector<double> confidence;  ///< of each class: mean probability (softmax of the outputs) of the right class
};

namespace detail {

/// Softmax probability of a class; of a single output, the logit of class 1, its sigmoid.
template <class Derived>
double probability(const Eigen::MatrixBase<Derived>& outputs, std::int32_t label) {
    if (outputs.size() == 1) {
        const auto logit = static_cast<double>(outputs[0]);
        return 1.0 / (1.0 + std::exp(label == 1 ? -logit : logit));
    }
    const auto most = static_cast<double>(outputs.maxCoeff());
    double sum = 0.0;
    for (Index i = 0; i < outputs.size(); ++i) sum += std::exp(static_cast<double>(outputs[i]) - most);
    return label < outputs.size() ? std::exp(static_cast<double>(outputs[label]) - most) / sum : 0.0;
}

/// Place among a network's own layers of the first that a mask is about.
template <class Net>
std::size_t first_masked(const Net& net, const Mask& mask) {
    std::size_t first = net.names().size();
    for (const MaskedUnits& place : mask) {
        const auto name = std::string_view(place.layer).substr(0, place.layer.find('/'));
        const auto at = std::find(net.names().begin(), net.names().end(), name) - net.names().begin();
        first = std::min(first, static_cast<std::size_t>(at));
    }
    return first;
}

}  // namespace detail

/// Runs the same samples under many masks, each of which holds some of the units of one largest mask. Refers to model
/// and data, which must live longer. The outputs of the layers before all of these are kept, so that a trial begins
/// behind them: in a network of layers one after another; other networks and foreign code run whole.
///
/// Throws   DataError for no samples or labels, or a mask that does not fit.
/// Cost     memory for every layer's outputs of all samples.
/// Threads  0: every core, where the model may run so; the numbers do not depend on it.
template <class Model, class S>
class MaskTrials {
public:
    MaskTrials(const Model& model, const Dataset<S>& data, const Mask& largest, int threads = 1)
        : model_(model), data_(data) {
        detail::require_labelled("MaskTrials", data);
        const Index tasks = (data.samples() + width - 1) / width;
        threads_ = may_run_in_parallel(model) ? detail::thread_count(threads, tasks) : 1;
        inputs_.resize(static_cast<std::size_t>(threads_));
        const std::size_t spaces = resumes ? static_cast<std::size_t>(tasks) : inputs_.size();
        for (std::size_t i = 0; i < spaces; ++i) workspaces_.push_back(make_workspace(model));
        if constexpr (CompositeLayer<Model>) detail::check_mask(model, largest);
        run({});  // fills the workspaces
        if constexpr (resumes) first_ = detail::first_masked(model, largest);
    }

    /// Of the samples under a mask. A forward pass from the first layer masked on.
    MaskTrial run(const Mask& mask) {
        const Index tasks = (data_.samples() + width - 1) / width;
        std::vector<MaskTrial> parts(static_cast<std::size_t>(tasks));
        detail::parallel_for(tasks, threads_, [&](Index task, int worker) {
            const Index begin = task * width, count = std::min(width, data_.samples() - begin);
            Batch<S>& x = inputs_[static_cast<std::size_t>(worker)];
            if (first_ == 0) data_.inputs(begin, count, x);
            auto& space = workspaces_[static_cast<std::size_t>(resumes ? task : worker)];
            const auto labels =
                data_.labels().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
            count_batch(forward(mask, x, space), labels, parts[static_cast<std::size_t>(task)]);
        });
        MaskTrial all = std::move(parts.front());
        for (std::size_t i = 1; i < parts.size(); ++i) {  // in the order of the samples
            all.confusion += parts[i].confusion;
            for (std::size_t c = 0; c < all.confidence.size(); ++c) all.confidence[c] += parts[i].confidence[c];
        }
        for (std::size_t c = 0; c < all.confidence.size(); ++c) {
            const auto samples = static_cast<double>(all.confusion.samples(static_cast<Index>(c)));
            if (samples > 0.0) all.confidence[c] /= samples;
        }
        return all;
    }

private:
    static constexpr Index width = 256;
    static constexpr bool resumes = detail::WalksFrom<Model>;
    using Space = decltype(make_workspace(std::declval<const Model&>()));

    const Batch<S>& forward(const Mask& mask, const Batch<S>& x, Space& space) const {
        if constexpr (CompositeLayer<Model>) {
            detail::Path path;
            NoVisit none;
            detail::MaskVisitor<NoVisit> held(mask, none, 0);
            if constexpr (resumes) {
                model_.walk(model_.parameters(), x, space.output, space.cache, Pass{}, held, path, first_);
            } else {
                model_.walk(model_.parameters(), x, space.output, space.cache, Pass{}, held, path);
            }
            return space.output;
        } else {
            detail::NoRecorder none;
            return observe(masked(model_, mask), BatchView<S>(x), {}, space, none);
        }
    }

    void count_batch(const Batch<S>& y, std::span<const std::int32_t> labels, MaskTrial& trial) const {
        if (y.rows() == 0) detail::raise<DataError>("MaskTrials", "outputs of the model", "none", "one a class");
        trial.confusion = Confusion(detail::classes_of(data_, y.rows()));
        trial.confidence.assign(static_cast<std::size_t>(trial.confusion.classes()), 0.0);
        for (Index j = 0; j < y.cols(); ++j) {
            const std::int32_t label = labels[static_cast<std::size_t>(j)];
            trial.confusion.add(label, predicted_class(y.col(j)));
            trial.confidence[static_cast<std::size_t>(label)] += detail::probability(y.col(j), label);
        }
    }

    const Model& model_;
    const Dataset<S>& data_;
    int threads_ = 1;
    std::size_t first_ = 0;
    std::vector<Batch<S>> inputs_;   ///< one a thread
    std::vector<Space> workspaces_;  ///< one a batch, else one a thread
};

}  // namespace renn::inline RENN_ABI
