// SPDX-License-Identifier: MIT
// renn/tracing/masked_foreign.hpp - switches units of foreign code off, as far as it reports them before it uses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/mask.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/tracing/probe.hpp>

namespace renn::inline RENN_ABI {

/// Foreign code some of whose units are held at fixed values. A place can be masked if the code reports it as a
/// renn::Batch that is not const and goes on with that matrix: the probe changes it on the spot.
///
/// Throws   DataError, in a pass, for a place that was not reported, or not as such a matrix, and for a unit that
///          it does not have; at once as Masked for the rest.
template <class S, class F>
class MaskedForeign {
public:
    using Scalar = S;

    explicit MaskedForeign(Foreign<S, F> model, Mask mask = {}) : model_(std::move(model)) {
        set_mask(std::move(mask));
    }

    const Foreign<S, F>& model() const noexcept { return model_; }
    const Mask& mask() const noexcept { return mask_; }
    /// Another mask in place of this one.
    void set_mask(Mask mask) {
        detail::check_mask(mask);
        mask_ = std::move(mask);
        options_ = model_.options();
        if (options_.fingerprint && !mask_.empty()) {
            options_.fingerprint = detail::hash_text(describe(mask_), *options_.fingerprint);
        }
    }
    const ForeignOptions& options() const noexcept { return options_; }
    static constexpr Index in_features() noexcept { return Dynamic; }

private:
    Foreign<S, F> model_;
    Mask mask_;
    ForeignOptions options_;
};

/// Foreign code with some units switched off. See MaskedForeign.
template <class S, class F>
MaskedForeign<S, F> masked(Foreign<S, F> model, Mask mask) {
    return MaskedForeign<S, F>(std::move(model), std::move(mask));
}

namespace detail {

/// Stands between a probe and a recorder.
template <class S, class R>
class MaskRecorder {
public:
    MaskRecorder(const Mask& mask, R& recorder) : mask_(mask), recorder_(recorder), held_(mask.size(), 0) {}

    bool edit(std::string_view name, Batch<S>& values) {
        bool edited = false;
        for (std::size_t i = 0; i < mask_.size(); ++i) {
            if (mask_[i].layer != name) continue;
            hold(mask_[i], values);
            held_[i] = 1;
            edited = true;
        }
        return edited;
    }
    void record(const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
        for (std::size_t i = 0; i < mask_.size(); ++i) {
            if (mask_[i].layer != place.name || held_[i] != 0) continue;
            raise<DataError>("mask", "probe \"" + mask_[i].layer + "\"", "values that cannot be changed",
                             "a renn::Batch that is not const");
        }
        if (!mask_.empty()) names_.emplace_back(place.name);
        recorder_.record(place, block, ids);
    }
    void end() const {
        for (std::size_t i = 0; i < mask_.size(); ++i) {
            if (held_[i] == 0) raise_no_place("mask", mask_[i].layer, names_);
        }
    }

private:
    const Mask& mask_;
    R& recorder_;
    std::vector<char> held_;
    std::vector<std::string> names_;
};

}  // namespace detail

/// As of the code itself.
template <class S, class F>
bool may_run_in_parallel(const MaskedForeign<S, F>& model) noexcept {
    return may_run_in_parallel(model.model());
}
/// As of the code itself.
template <class S, class F>
auto make_workspace(const MaskedForeign<S, F>& model) {
    return make_workspace(model.model());
}
/// Runs the code on a batch; the recorder sees the values held.
template <class S, class F, class G, Recorder<S> R>
const Batch<S>& observe(const MaskedForeign<S, F>& model, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        ForeignWorkspace<S, G>& workspace, R& recorder) {
    detail::MaskRecorder<S, R> held(model.mask(), recorder);
    const Batch<S>& output = observe(model.model(), x, ids, workspace, held);
    held.end();
    return output;
}

}  // namespace renn::inline RENN_ABI
