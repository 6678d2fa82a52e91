// SPDX-License-Identifier: MIT
// renn/attribution/occlusion.hpp - what is lost of the target when a part of the input is covered.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/predictor.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/patch.hpp>
#include <renn/core/shape.hpp>
#include <renn/layers/window.hpp>
#include <renn/network/receptive_field.hpp>

namespace renn::inline RENN_ABI {

/// f(x) - f(x with a window covered), for windows `stride` apart over all channels, clipped at the border. A pixel gets
/// the mean over the windows that cover it, 0 if none does. It needs forward passes alone, so it also takes any
/// callable f(x) -> outputs (attribution/predictor.hpp). A target that chooses each sample's greatest output keeps what
/// it chose.
///
/// Throws   ShapeError for an image or a baseline that is not as large as a sample, DataError for a window or stride
///          below 1; as the target.
/// Cost     a forward pass a window.
/// Source   Zeiler, Fergus (2014); the defaults are Zennit's.
struct Occlusion {
    Size2 window = 8;
    Size2 stride = 8;
    Baseline baseline = {};  ///< what a window is covered with
    Shape image = {};        ///< of a sample; left out: what the network says it takes, else a line of features

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        const Index n = x.cols();
        const Shape shape = shape_of(net, x.rows());
        baseline.check(where, x.rows(), n);
        const std::vector<Patch> windows = windows_over(shape);
        forward_to(net, x, target, workspace);
        const T chosen = settled(target, workspace);
        result.explained = workspace.value;
        detail::reshape(result.scores, x.rows(), n);
        result.scores.setZero();

        AttributionWorkspace<Net>& covered = workspace.second();
        Batch<S> base(x.rows(), n);
        baseline.write(base);
        Column<S> times = Column<S>::Zero(shape.positions());
        const Index count = std::ssize(windows), together = std::max<Index>(1, 64 / std::max<Index>(n, 1));
        for (Index first = 0; first < count && n > 0; first += together) {
            const Index some = std::min(together, count - first);
            detail::reshape(covered.inputs, x.rows(), some * n);
            for (Index k = 0; k < some; ++k) {
                covered.inputs.middleCols(k * n, n) = x;
                auto version = covered.inputs.middleCols(k * n, n);
                for_each_row(windows[static_cast<std::size_t>(first + k)], shape, [&](Index row, Index values) {
                    version.middleRows(row, values) = base.middleRows(row, values);
                });
            }
            forward_to(net, covered.inputs, detail::of_versions(chosen, n), covered);
            for (Index k = 0; k < some; ++k) {
                const Patch& window_k = windows[static_cast<std::size_t>(first + k)];
                const auto lost = (result.explained - covered.value.segment(k * n, n)).transpose().eval();
                for_each_row(window_k, shape, [&](Index row, Index values) {
                    result.scores.middleRows(row, values).rowwise() += lost;
                    if (row < shape.positions()) times.segment(row, values).array() += S(1);
                });
            }
        }
        for (Index c = 0; c < shape.channels; ++c) {
            auto channel = result.scores.middleRows(c * shape.positions(), shape.positions());
            channel.array().colwise() /= times.array().max(S(1));
        }
        result.gap.resize(0);
        result.clear_remarks();
        if ((times.array() == S(0)).any()) {
            result.warnings.emplace_back("some pixels lie under no window, as the stride is wider than the window");
        }
        detail::warn_of_zeros(result);
    }

private:
    static constexpr const char* where = "Occlusion";

    template <class Net>
    Shape shape_of(const Net& net, Index features) const {
        Shape shape = image;
        if constexpr (CompositeLayer<Net>) {
            if (shape.unknown()) detail::find_image(net, net.parameters(), shape);
        }
        if (shape.unknown()) shape = {1, 1, features};
        if (shape.size() != features) {
            detail::raise<ShapeError>(where, "image", shape.text(), std::to_string(features) + " features");
        }
        return shape;
    }

    std::vector<Patch> windows_over(const Shape& shape) const {
        for (const auto& [what, size] : {std::pair("window", window), std::pair("stride", stride)}) {
            if (size.height < 1 || size.width < 1) detail::raise<DataError>(where, what, size.text(), "1 or more");
        }
        std::vector<Patch> windows;
        for (Index top = 0;; top += stride.height) {
            const Index bottom = std::min(top + window.height, shape.height);
            for (Index left = 0;; left += stride.width) {
                const Index right = std::min(left + window.width, shape.width);
                if (top < bottom && left < right) windows.push_back({top, left, bottom, right});
                if (left + window.width >= shape.width) break;
            }
            if (top + window.height >= shape.height) break;
        }
        return windows;
    }

    /// Calls f(first row of the sample's column, values) for each row of a window in each channel.
    template <class F>
    static void for_each_row(const Patch& window, const Shape& shape, F&& f) {
        for (Index c = 0; c < shape.channels; ++c) {
            for (Index y = window.top; y < window.bottom; ++y) {
                f(shape.at(c, y, window.left), window.right - window.left);
            }
        }
    }
};

}  // namespace renn::inline RENN_ABI
