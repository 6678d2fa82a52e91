// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/resample.hpp - images moved, turned and resized, with the exact gradient.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// Where in the input a pixel of the output looks, both measured from the middle: (xx x + xy y + dx, yx x + yy y + dy).
struct Motion {
    double xx = 1.0, xy = 0.0, yx = 0.0, yy = 1.0, dx = 0.0, dy = 0.0;
};

/// Draws a Motion for one image. Also has `name`.
template <class D>
concept MotionDraw = requires(const D& draw, Rng& rng, const Shape& in, const Shape& out) {
    { D::name } -> std::convertible_to<std::string_view>;
    { draw(rng, in, out) } -> std::same_as<Motion>;
};

/// Every output pixel is a bilinear mean of the four input pixels around the place that it looks at; what lies outside
/// the input is `outside`. The motion of an image is drawn from (seed, layer path, step, sample id) of the pass, in
/// training or not, so a network of these is the same again for the same pass.
///
/// Shapes   X: in.size() x n, Y: out.size() x n; as many channels.
/// Throws   ShapeError for other shapes.
/// Cost     O(out) an image; allocates only when the number of images changes.
template <std::floating_point S, MotionDraw Draw>
class Resample {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    static constexpr std::string_view name = Draw::name;
    struct Cache {
        std::vector<Motion> motions;  ///< one an image
    };

    Resample(const Shape& in, const Shape& out, Draw draw, S outside = S(0.5))
        : in_(in), out_(out), draw_(std::move(draw)), outside_(outside) {
        if (in.channels != out.channels || in.size() <= 0 || out.size() <= 0) {
            detail::raise<ShapeError>(name, "output shape", out.text(), "an image of the channels of " + in.text());
        }
    }

    Index in_features() const noexcept { return in_.size(); }
    Index out_features() const noexcept { return out_.size(); }
    const Shape& input_shape() const noexcept { return in_; }
    const Shape& output_shape() const noexcept { return out_; }
    const Parameters& parameters() const noexcept { return none_; }

    /// See Layer.
    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass& pass) const {
        detail::require_shape("Resample", "x", x, in_.size(), x.cols());
        detail::reshape(y, out_.size(), x.cols());
        cache.motions.resize(static_cast<std::size_t>(x.cols()));
        const std::uint64_t key = mix(mix(pass.seed, pass.path), pass.step);
        for (Index j = 0; j < x.cols(); ++j) {
            Rng rng(mix(key, pass.id(j)));
            Motion& motion = cache.motions[static_cast<std::size_t>(j)];
            motion = draw_(rng, in_, out_);
            S* to = y.data() + j * y.rows();
            const S* from = x.data() + j * x.outerStride();
            for_each_tap(
                motion, [&](Index at) { to[at] = S(0); },
                [&](Index at, Index source, S w) { to[at] += w * from[source]; },
                [&](Index at, S w) { to[at] += w * outside_; });
        }
    }
    /// See DifferentiableLayer.
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>&, const Cache& cache,
                  const BatchView<S>& dy, Dx& dx, G&) const {
        detail::require_shape("Resample", "dy", dy, out_.size(), x.cols());
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, in_.size(), x.cols());
            dx.setZero();
            for (Index j = 0; j < x.cols(); ++j) {
                S* to = dx.data() + j * dx.rows();
                const S* from = dy.data() + j * dy.outerStride();
                for_each_tap(
                    cache.motions[static_cast<std::size_t>(j)], [](Index) {},
                    [&](Index at, Index source, S w) { to[source] += w * from[at]; }, [](Index, S) {});
            }
        }
    }

    /// What the layer says of itself.
    std::string describe() const { return std::string(name) + " " + in_.text() + " -> " + out_.text(); }

private:
    /// begin(out), inside(out, in, weight) and outside(out, weight), for every pixel of every channel.
    template <class Begin, class Inside, class Outside>
    void for_each_tap(const Motion& m, const Begin& begin, const Inside& inside, const Outside& outside) const {
        const auto middle = [](Index n) { return 0.5 * static_cast<double>(n - 1); };
        for (Index r = 0; r < out_.height; ++r) {
            for (Index w = 0; w < out_.width; ++w) {
                const double x = static_cast<double>(w) - middle(out_.width);
                const double y = static_cast<double>(r) - middle(out_.height);
                const double u = m.xx * x + m.xy * y + m.dx + middle(in_.width);
                const double v = m.yx * x + m.yy * y + m.dy + middle(in_.height);
                const double left = std::floor(u), top = std::floor(v);
                const std::array<double, 2> across{1.0 - (u - left), u - left}, down{1.0 - (v - top), v - top};
                for (Index c = 0; c < out_.channels; ++c) begin(out_.at(c, r, w));
                for (Index tap = 0; tap < 4; ++tap) {
                    const Index ix = static_cast<Index>(left) + tap % 2, iy = static_cast<Index>(top) + tap / 2;
                    const auto weight = static_cast<S>(across[static_cast<std::size_t>(tap % 2)] *
                                                       down[static_cast<std::size_t>(tap / 2)]);
                    if (weight == S(0)) continue;
                    const bool within = ix >= 0 && ix < in_.width && iy >= 0 && iy < in_.height;
                    for (Index c = 0; c < out_.channels; ++c) {
                        if (within) {
                            inside(out_.at(c, r, w), in_.at(c, iy, ix), weight);
                        } else {
                            outside(out_.at(c, r, w), weight);
                        }
                    }
                }
            }
        }
    }

    Shape in_, out_;
    Draw draw_;
    S outside_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI::maximisation
