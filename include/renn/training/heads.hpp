// SPDX-License-Identifier: MIT
// renn/training/heads.hpp - the report's first two ideas: a second output that names training samples.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/training/loss.hpp>

namespace renn::inline RENN_ABI {

/// Hands on its input and, while `stop` is set, no gradient: what stands behind it learns without teaching what stands
/// before it.
template <std::floating_point S = float>
struct Detach {
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Detach";

    bool stop = true;

    static const Parameters& parameters() noexcept {
        static constexpr NoParameters none;
        return none;
    }
    static void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) { y = x; }
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, Cache&, const BatchView<S>& dy, Dx& dx,
                  G&) const {
        if constexpr (is_wanted<Dx>) {
            dx = dy;
            if (stop) dx.setZero();
        }
    }
};

/// How a head is made.
struct HeadOptions {
    bool detach = true;  ///< the task's weights come out bit for bit as they would without the head
    std::uint64_t seed = 0;
};

/// A linear head on the activations of a trunk.
template <class S = float>
using Head = Network<Detach<S>, Dense<S>>;

/// A head of `outputs` values on a trunk that puts out `width`: the dimension of identity vectors, or one output a
/// sample.
template <class S = float>
Head<S> make_head(Index width, Index outputs, const HeadOptions& options = {}) {
    return Head<S>(Detach<S>{options.detach}, Dense<S>(width, outputs, options.seed));
}

/// The trunk, then task and head side by side on its output: the task's outputs first, the head's below them. All three
/// are networks. Train it with fit and a JointLoss.
///
///     auto joint = with_head(trunk, task, make_head(128, 3));
///     fit(joint, with_identities(data, 3), {}, JointLoss{.head = 3, .lambda = 0.1}, Adam{}, {.epochs = 10});
template <class Trunk, class Task, class H>
auto with_head(Trunk trunk, Task task, H head) {
    return Network(std::move(trunk), Concatenate(std::move(task), std::move(head)));
}

/// Trunk and task alone, with the weights they have now.
template <class Trunk, class Task, class H>
Network<Trunk, Task> without_head(const Network<Trunk, Concatenate<Task, H>>& joint) {
    Trunk trunk = joint.template layer<0>();
    Task task = joint.template layer<1>().template branch<0>();
    trunk.parameters() = std::get<0>(joint.parameters().layers);
    task.parameters() = std::get<0>(std::get<1>(joint.parameters().layers).branches);
    return Network(std::move(trunk), std::move(task));
}

/// What a head names samples by.
enum class Naming : std::uint8_t {
    vector,  ///< a vector of few dimensions, made small by squared error
    unit,    ///< an output of its own, by cross-entropy over all of them
};

/// L = L_task + lambda L_head, of the first outputs and of the last `head` ones. Data have the labels or targets of the
/// task; below those targets, if any, stands what the head is to say, as with_identities and with_numbers put it.
///
/// With Detach the task's gradient is the one it would be without a head. Not so with clipping by the norm of all
/// gradients, or random layers inside the task's own network, which draw by their place.
template <class Task = CrossEntropy>
struct JointLoss {
    Index head = 0;  ///< outputs of the head
    double lambda = 1.0;
    Naming naming = Naming::vector;
    Task task = {};

    Index answer_rows(Index outputs) const { return outputs - head; }

    template <class S>
    double weight(const BatchView<S>& y, const Targets<S>& targets) const {
        return detail::loss_weight<S>(task, BatchView<S>(y.topRows(y.rows() - head)), targets);
    }

    /// Throws DataError or ShapeError unless the data have what both losses want.
    template <class S>
    void check(const Dataset<S>& data, Index outputs) const {
        const Index answers = outputs - head, own = naming == Naming::vector ? head : 1;
        if (head < 1 || answers < 1) {
            detail::raise<DataError>("JointLoss", "head", std::to_string(head), "1.." + std::to_string(outputs - 1));
        }
        if (!(lambda >= 0.0) || std::isinf(lambda)) {
            detail::raise<DataError>("JointLoss", "lambda", std::to_string(lambda), "a finite value, 0 or more");
        }
        const Index rows = data.targets().rows(), wanted = own + (data.has_labels() ? 0 : answers);
        if (rows != wanted) {
            detail::raise<ShapeError>(
                "JointLoss", "targets", std::to_string(rows) + " a sample",
                std::to_string(wanted) + ": what the head is to say" + (data.has_labels() ? "" : ", below the task's"));
        }
        if (data.has_labels() && data.classes() > std::max<Index>(answers, 2)) {
            detail::raise<DataError>("JointLoss", "classes", std::to_string(data.classes()),
                                     "at most " + std::to_string(answers) + ", the task's outputs");
        }
        if (naming == Naming::unit && !(data.targets().row(rows - 1).maxCoeff() < static_cast<S>(head))) {
            detail::raise<DataError>("JointLoss", "samples", "more than the head has outputs",
                                     "at most " + std::to_string(head));
        }
    }

    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        const Index answers = y.rows() - head, own = naming == Naming::vector ? head : 1;
        const Batch<S> wanted = targets.values->topRows(targets.values->rows() - own);
        const Batch<S> named = targets.values->bottomRows(own);
        detail::reshape(gradient, y.rows(), y.cols());
        Batch<S> part;
        const bool labelled = !targets.labels.empty();
        double total =
            task(BatchView<S>(y.topRows(answers)), Targets<S>{targets.labels, labelled ? nullptr : &wanted}, part);
        gradient.topRows(answers) = part;
        const BatchView<S> said(y.bottomRows(head));
        if (naming == Naming::vector) {
            total += lambda * MeanSquaredError{}(said, Targets<S>{{}, &named}, part);
        } else {
            std::vector<std::int32_t> numbers;
            for (Index j = 0; j < named.cols(); ++j) numbers.push_back(static_cast<std::int32_t>(named(0, j)));
            total += lambda * CrossEntropy{}(said, Targets<S>{numbers, nullptr}, part);
        }
        gradient.bottomRows(head) = static_cast<S>(lambda) * part;
        return total;
    }
};

namespace detail {

/// The data with these rows below their targets.
template <class S>
Dataset<S> with_targets_below(const Dataset<S>& data, const Batch<S>& rows) {
    DatasetDescription<S> more = data.description();
    Batch<S> all(data.targets().rows() + rows.rows(), data.samples());
    if (data.has_targets()) all.topRows(data.targets().rows()) = data.targets();
    all.bottomRows(rows.rows()) = rows;
    more.targets = std::move(all);
    return data.holds_bytes() ? Dataset<S>(data.pixels(), std::move(more)) : Dataset<S>(data.values(), std::move(more));
}

}  // namespace detail

/// The data with an identity vector a sample, uniform in [0, 1), drawn by sample id.
/// Throws   DataError for no samples or a dimension below 1.
template <class S>
Dataset<S> with_identities(const Dataset<S>& data, Index dimension, std::uint64_t seed = 0) {
    if (data.empty()) detail::raise<DataError>("with_identities", "samples", "0", "1 or more");
    if (dimension < 1) detail::raise<DataError>("with_identities", "dimension", std::to_string(dimension), "1 or more");
    Batch<S> identities(dimension, data.samples());
    for (Index s = 0; s < data.samples(); ++s) {
        Rng rng(mix(seed, data.id(s)));
        for (Index d = 0; d < dimension; ++d) identities(d, s) = static_cast<S>(rng.uniform());
    }
    return detail::with_targets_below(data, identities);
}

/// The data with the number of each sample, its position: of its output in a head with one output a sample.
/// Throws   DataError for no samples or more than S has exact numbers for.
template <class S>
Dataset<S> with_numbers(const Dataset<S>& data) {
    if (data.empty()) detail::raise<DataError>("with_numbers", "samples", "0", "1 or more");
    if (data.samples() > Index{1} << 24) {
        detail::raise<DataError>("with_numbers", "samples", std::to_string(data.samples()), "at most 2^24");
    }
    Batch<S> numbers(1, data.samples());
    for (Index s = 0; s < data.samples(); ++s) numbers(0, s) = static_cast<S>(s);
    return detail::with_targets_below(data, numbers);
}

/// A training sample that a head names.
struct NamedSample {
    std::uint64_t id = 0;
    double value = 0.0;  ///< distance of its identity vector, or its share of the softmax over all units

    bool operator==(const NamedSample&) const = default;
};

/// Reads the outputs of one query: the k samples with the closest identity vectors, nearest first, or those with the
/// largest units, equal ones by ascending id; fewer if there are fewer. `data` is what with_identities or with_numbers
/// made.
///
/// A caveat of the RENN report: the vector is an average over all the data the network used, and what lies closest to
/// it is not what was averaged. Two sources at opposite corners point to a third one halfway. The retrace of neurons
/// has no such fault.
///
/// Shapes   outputs: of the joint network for one query.
/// Throws   ShapeError if there are fewer outputs than the head has; DataError for data without what the head says.
template <class S>
std::vector<NamedSample> named_samples(const Column<S>& outputs, const Dataset<S>& data, Naming naming, Index head,
                                       std::size_t k) {
    const Index own = naming == Naming::vector ? head : 1;
    if (head < 1 || outputs.size() < head) {
        detail::raise<ShapeError>("named_samples", "outputs", std::to_string(outputs.size()),
                                  std::to_string(head) + " or more, the head's");
    }
    if (data.targets().rows() < own) {
        detail::raise<DataError>("named_samples", "targets", std::to_string(data.targets().rows()) + " a sample",
                                 "those of with_identities or with_numbers");
    }
    const Column<double> said = outputs.tail(head).template cast<double>();
    std::vector<NamedSample> named;
    if (naming == Naming::vector) {
        for (Index s = 0; s < data.samples(); ++s) {
            const auto identity = data.targets().col(s).tail(head).template cast<double>();
            named.push_back({data.id(s), (identity - said).norm()});
        }
    } else {
        Column<double> parts = (said.array() - said.maxCoeff()).exp();
        parts /= parts.sum();
        for (Index s = 0; s < std::min(head, data.samples()); ++s) named.push_back({data.id(s), parts[s]});
    }
    k = std::min(k, named.size());
    std::partial_sort(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(k), named.end(),
                      [naming](const NamedSample& a, const NamedSample& b) {
                          if (a.value != b.value) return (a.value < b.value) == (naming == Naming::vector);
                          return a.id < b.id;
                      });
    named.resize(k);
    return named;
}

}  // namespace renn::inline RENN_ABI
