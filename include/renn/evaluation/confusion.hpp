// SPDX-License-Identifier: MIT
// renn/evaluation/confusion.hpp - which classes a model takes for which.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/core/parallel.hpp>
#include <renn/data/dataset.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/training/evaluate.hpp>

namespace renn::inline RENN_ABI {

/// Samples counted by their class and the class a model predicts for them.
class Confusion {
public:
    Confusion() = default;
    explicit Confusion(Index classes) : counts_(Counts::Zero(classes, classes)) {}

    /// Throws DataError for a label or prediction that is no class.
    void add(std::int32_t label, std::int32_t prediction) {
        for (const auto& [what, value] : {std::pair("label", label), std::pair("prediction", prediction)}) {
            if (value < 0 || value >= classes()) {
                detail::raise<DataError>("Confusion", what, std::to_string(value), detail::below_text(classes()));
            }
        }
        ++counts_(label, prediction);
    }
    Confusion& operator+=(const Confusion& more) {
        detail::require_shape("Confusion", "classes", more.counts_, classes(), classes());
        counts_ += more.counts_;
        return *this;
    }

    Index classes() const noexcept { return counts_.rows(); }
    /// Samples of a class that were taken for another.
    std::int64_t count(Index label, Index prediction) const { return counts_(label, prediction); }
    std::int64_t samples(Index label) const { return counts_.row(label).sum(); }
    std::int64_t samples() const { return counts_.sum(); }
    /// Share of a class's samples that were recognised; NaN without any.
    double accuracy(Index label) const { return share(counts_(label, label), samples(label)); }
    double accuracy() const { return share(counts_.trace(), samples()); }
    /// Mean of the accuracies of all classes but one, of those that have samples; NaN if none has.
    double accuracy_without(Index label) const {
        double sum = 0.0, others = 0.0;
        for (Index c = 0; c < classes(); ++c) {
            if (c == label || samples(c) == 0) continue;
            sum += accuracy(c);
            others += 1.0;
        }
        return others > 0.0 ? sum / others : std::numeric_limits<double>::quiet_NaN();
    }

    bool operator==(const Confusion& other) const { return classes() == other.classes() && counts_ == other.counts_; }

private:
    using Counts = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic>;

    static double share(std::int64_t part, std::int64_t all) {
        return all > 0 ? static_cast<double>(part) / static_cast<double>(all)
                       : std::numeric_limits<double>::quiet_NaN();
    }

    Counts counts_;  ///< labels x predictions
};

/// Counts predictions made elsewhere. Throws ShapeError if there are not as many as labels; DataError as Confusion.
inline Confusion confusion(ListView<std::int32_t> labels, ListView<std::int32_t> predictions, Index classes) {
    if (labels.size() != predictions.size()) {
        detail::raise<ShapeError>("confusion", "predictions", std::to_string(predictions.size()),
                                  std::to_string(labels.size()) + ", one a label");
    }
    Confusion result(classes);
    for (std::size_t i = 0; i < labels.size(); ++i) result.add(labels[i], predictions[i]);
    return result;
}

namespace detail {

/// Takes what a model reports, and forgets it.
struct NoRecorder {
    static void record(const Place&, const auto&, std::span<const std::uint64_t>) noexcept {}
};

/// Classes that labels or outputs speak of.
template <class S>
Index classes_of(const Dataset<S>& data, Index outputs) {
    return std::max<Index>(data.classes(), outputs == 1 ? 2 : outputs);
}

}  // namespace detail

/// What a model makes of labelled samples: of a Network, any other network, or foreign code, masked or not.
///
/// Throws   DataError for no samples, no labels or a model without outputs; as the model.
/// Cost     a forward pass a sample, batches of 64 spread over threads (0: every core) where the model may run so.
template <class Model, class S>
Confusion confusion(const Model& model, const Dataset<S>& data, int threads = 1) {
    detail::require_labelled("confusion", data);
    constexpr Index width = 64;
    const Index tasks = (data.samples() + width - 1) / width;
    const int workers = may_run_in_parallel(model) ? detail::thread_count(threads, tasks) : 1;
    struct Worker {
        decltype(make_workspace(std::declval<const Model&>())) workspace;
        Batch<S> x;
    };
    std::vector<Worker> all;
    for (int w = 0; w < workers; ++w) all.push_back({make_workspace(model), {}});
    std::vector<std::int32_t> predictions(static_cast<std::size_t>(data.samples()));
    std::vector<Index> outputs(static_cast<std::size_t>(tasks));
    detail::parallel_for(tasks, workers, [&](Index task, int worker) {
        Worker& mine = all[static_cast<std::size_t>(worker)];
        const Index first = task * width;
        data.inputs(first, std::min(width, data.samples() - first), mine.x);
        detail::NoRecorder none;
        const Batch<S>& y = observe(model, BatchView<S>(mine.x), {}, mine.workspace, none);
        outputs[static_cast<std::size_t>(task)] = y.rows();
        if (y.rows() == 0) detail::raise<DataError>("confusion", "outputs of the model", "none", "one a class");
        for (Index j = 0; j < y.cols(); ++j) {
            predictions[static_cast<std::size_t>(first + j)] = predicted_class(y.col(j));
        }
    });
    return confusion(data.labels(), predictions, detail::classes_of(data, outputs.front()));
}

}  // namespace renn::inline RENN_ABI
