// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/colour_mix.hpp - pictures whose channels go together as in natural ones.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <Eigen/Cholesky>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// At every pixel, channels = M t, with M a square root of the channels' covariance: so a step in t changes what
/// natural pictures change together. Of pictures of one channel, M = 1.
///
/// Cost     O(d channels) a picture; allocates only when sizes change.
/// Source   Olah, Mordvintsev, Schubert (2017), "Feature visualization"; the default M is that of lucid, measured on
///          ImageNet, divided by the norm of its longest column.
template <std::floating_point S = float>
class ColourMix {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "ColourMix";

    /// With the default M. Throws DataError unless there are 1 or 3 channels.
    explicit ColourMix(const Shape& shape) : ColourMix(shape, natural(shape)) {}
    /// Throws ShapeError unless M is channels x channels.
    ColourMix(const Shape& shape, Batch<S> mix) : shape_(shape), mix_(std::move(mix)) {
        detail::require_shape("ColourMix", "M", mix_, shape.channels, shape.channels);
    }

    /// With M the Cholesky factor of the covariance of the channels over all pixels of some samples, so widened by a
    /// millionth of the mean variance that channels which are always the same do no harm.
    static ColourMix of(const BatchView<S>& x, const Shape& shape) {
        detail::require_shape("ColourMix::of", "samples", x, shape.size(), x.cols());
        if (x.size() == 0) detail::raise<DataError>("ColourMix::of", "samples", "0", "1 or more");
        const Index channels = shape.channels, area = shape.positions();
        Batch<double> sums = Batch<double>::Zero(channels, channels);
        Column<double> mean = Column<double>::Zero(channels);
        for (Index j = 0; j < x.cols(); ++j) {
            const Batch<double> pixels = x.col(j).reshaped(area, channels).template cast<double>();
            sums += pixels.transpose() * pixels;
            mean += pixels.colwise().sum().transpose();
        }
        const auto count = static_cast<double>(area * x.cols());
        mean /= count;
        Batch<double> covariance = sums / count - mean * mean.transpose();
        covariance.diagonal().array() += 1e-6 * covariance.trace() / static_cast<double>(channels) + 1e-12;
        const Batch<double> factor = Eigen::LLT<Batch<double>>(covariance).matrixL();
        return ColourMix(shape, factor.cast<S>());
    }

    const Batch<S>& mix() const noexcept { return mix_; }
    Index in_features() const noexcept { return shape_.size(); }
    Index out_features() const noexcept { return shape_.size(); }
    const Parameters& parameters() const noexcept { return none_; }

    /// See Layer.
    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        times(x, y, mix_.transpose());
    }
    /// See DifferentiableLayer.
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, Cache&, const BatchView<S>& dy, Dx& dx,
                  G&) const {
        if constexpr (is_wanted<Dx>) times(dy, dx, mix_);
    }

    /// What the layer says of itself.
    std::string describe() const { return "ColourMix " + shape_.text(); }

private:
    static Batch<S> natural(const Shape& shape) {
        if (shape.channels == 1) return Batch<S>::Ones(1, 1);
        if (shape.channels != 3) {
            detail::raise<DataError>("ColourMix", "channels", std::to_string(shape.channels),
                                     "1 or 3; for others measure M with ColourMix::of");
        }
        Batch<S> m{{S(0.26), S(0.09), S(0.02)}, {S(0.27), S(0.00), S(-0.05)}, {S(0.27), S(-0.09), S(0.03)}};
        m /= m.colwise().norm().maxCoeff();
        return m;
    }

    /// pixels x channels, times a matrix of channels x channels.
    template <class M>
    void times(const BatchView<S>& in, Batch<S>& out, const M& matrix) const {
        detail::require_shape("ColourMix", "picture", in, shape_.size(), in.cols());
        detail::reshape(out, in.rows(), in.cols());
        for (Index j = 0; j < in.cols(); ++j) {
            const Eigen::Map<const Batch<S>> from(in.data() + j * in.outerStride(), shape_.positions(),
                                                  shape_.channels);
            Eigen::Map<Batch<S>> to(out.data() + j * out.rows(), shape_.positions(), shape_.channels);
            to.noalias() = from.lazyProduct(matrix);
        }
    }

    Shape shape_;
    Batch<S> mix_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI::maximisation
