// SPDX-License-Identifier: MIT
// renn/tracing/probe.hpp - traces Eigen code that knows nothing of renn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Handed to foreign code, which tells it the matrices that matter, features x samples:
///
///     auto f = [&](const auto& x, auto& probe) {
///         Eigen::MatrixXf h = W1 * x;
///         probe.pre("hidden", h);
///         ...
///         return logits;                       // or nothing
///     };
///
/// `probe(name, values)` is the same as `probe.pre`, the kind a retrace looks at by default; `probe.post` marks values
/// behind an activation. A shape says that a column is an image, whose channels may then be the neurons. Column-major
/// matrices, blocks and maps are read in place; expressions are evaluated once. A renn::Batch that may change, and is
/// reported before the code goes on with it, may be masked: see MaskedForeign.
template <class S>
class Probe {
public:
    using Scalar = S;

    template <Recorder<S> R>
    Probe(R& recorder, std::span<const std::uint64_t> ids)
        : recorder_(&recorder),
          ids_(ids),
          record_(
              [](void* r, const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> sample_ids) {
                  static_cast<R*>(r)->record(place, block, sample_ids);
              }) {
        if constexpr (ForwardEditor<R, S>) {
            edit_ = [](void* r, std::string_view name, Batch<S>& values) { static_cast<R*>(r)->edit(name, values); };
        }
    }

    void operator()(std::string_view name, const BatchView<S>& values, const Shape& shape = {}) {
        pre(name, values, shape);
    }
    void operator()(std::string_view name, Batch<S>& values, const Shape& shape = {}) { pre(name, values, shape); }
    void pre(std::string_view name, const BatchView<S>& values, const Shape& shape = {}) {
        report({name, Kind::pre, false, shape}, values);
    }
    void post(std::string_view name, const BatchView<S>& values, const Shape& shape = {}) {
        report({name, Kind::post, false, shape}, values);
    }
    void pre(std::string_view name, Batch<S>& values, const Shape& shape = {}) {
        edit(name, values);
        report({name, Kind::pre, false, shape}, values);
    }
    void post(std::string_view name, Batch<S>& values, const Shape& shape = {}) {
        edit(name, values);
        report({name, Kind::post, false, shape}, values);
    }

private:
    void edit(std::string_view name, Batch<S>& values) {
        if (edit_ != nullptr) edit_(recorder_, name, values);
    }
    void report(const Place& place, const BatchView<S>& values) {
        if (place.shape.size() != 0 && place.shape.size() != values.rows()) {
            detail::raise<ShapeError>("probe \"" + std::string(place.name) + "\"", "shape", place.shape.text(),
                                      std::to_string(values.rows()) + " values, as reported");
        }
        record_(recorder_, place, values, ids_);
    }

    void* recorder_;
    std::span<const std::uint64_t> ids_;
    void (*record_)(void*, const Place&, const BatchView<S>&, std::span<const std::uint64_t>);
    void (*edit_)(void*, std::string_view, Batch<S>&) = nullptr;
};

/// How foreign code may be run, and how it is known again.
struct ForeignOptions {
    bool parallel = false;                          ///< it may be called on several threads at once
    std::optional<std::uint64_t> fingerprint = {};  ///< else: its activations of the first recorded sample
};

/// Foreign code as a model: a callable f(x, probe), or a factory that makes one for each thread.
template <class S, class F>
class Foreign {
public:
    using Scalar = S;

    explicit Foreign(F function, ForeignOptions options = {})
        : function_(std::make_shared<F>(std::move(function))), options_(options) {}

    F& function() const noexcept { return *function_; }
    const ForeignOptions& options() const noexcept { return options_; }
    static constexpr Index in_features() noexcept { return Dynamic; }

private:
    std::shared_ptr<F> function_;
    ForeignOptions options_;
};

template <class S, class F>
concept Probed = std::invocable < F&,
        const BatchView<S>
&, Probe<S>& > ;

/// What a thread needs to run foreign code: its output, and with a factory a callable of its own.
template <class S, class F>
struct ForeignWorkspace {
    Batch<S> output;
    std::optional<F> own = {};
};

/// Foreign code only if its options or a factory allow it.
template <class S, class F>
bool may_run_in_parallel(const Foreign<S, F>& model) noexcept {
    return !Probed<S, F> || model.options().parallel;
}

/// A thread's own; a factory is called for it.
template <class S, class F>
auto make_workspace(const Foreign<S, F>& model) {
    if constexpr (Probed<S, F>) {
        return ForeignWorkspace<S, F>();
    } else {
        return ForeignWorkspace<S, std::invoke_result_t<F&>>{{}, model.function()()};
    }
}

/// Runs foreign code on a batch. Returns what it returned, 0 x samples if nothing.
/// Throws   ShapeError if it returns another number of samples than it was given.
template <class S, class F, class G, Recorder<S> R>
const Batch<S>& observe(const Foreign<S, F>& model, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        ForeignWorkspace<S, G>& workspace, R& recorder) {
    Probe<S> probe(recorder, ids);
    const auto run = [&](auto& f) {
        if constexpr (std::is_void_v<decltype(f(x, probe))>) {
            f(x, probe);
            detail::reshape(workspace.output, 0, x.cols());
        } else {
            workspace.output = f(x, probe);
        }
    };
    if constexpr (Probed<S, F>) {
        run(model.function());
    } else {
        run(*workspace.own);
    }
    if (workspace.output.cols() != x.cols()) {
        detail::raise<ShapeError>("traced callable", "samples of its output", std::to_string(workspace.output.cols()),
                                  std::to_string(x.cols()) + ", one a column of its input");
    }
    return workspace.output;
}

}  // namespace renn::inline RENN_ABI
