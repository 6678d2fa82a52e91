// SPDX-License-Identifier: MIT
// renn/evaluation/removal.hpp - what stands where a feature is taken away: a value, noise, a blur, its neighbours.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/gaussian_blur.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI {

/// Which features of a sample are gone.
using Removed = std::vector<bool>;

/// Writes to `out` what is left of a sample x. `sample` is its place in the batch, so that noise is the same in every
/// step and for every method compared.
template <class R, class S>
concept Removal = requires(const R& removal, const Eigen::Ref<const Column<S>>& x, const Removed& removed, Index sample,
                           Eigen::Ref<Column<S>> out) {
    removal(x, removed, sample, out);
};

/// A value: one for all features, or each its own.
struct RemoveTo {
    Column<double> values = Column<double>::Zero(1);

    RemoveTo() = default;
    explicit RemoveTo(double value) : values(Column<double>::Constant(1, value)) {}
    explicit RemoveTo(Column<double> of_each) : values(std::move(of_each)) {}

    /// The mean, or the least value, of each feature over some data, features x n. Throws DataError without samples.
    template <class D>
    static RemoveTo mean_of(const Eigen::MatrixBase<D>& data) {
        require_data(data.cols());
        return RemoveTo(Column<double>(data.template cast<double>().rowwise().mean()));
    }
    /// \copydoc mean_of
    template <class D>
    static RemoveTo minimum_of(const Eigen::MatrixBase<D>& data) {
        require_data(data.cols());
        return RemoveTo(Column<double>(data.template cast<double>().rowwise().minCoeff()));
    }

    template <class S>
    void operator()(const Eigen::Ref<const Column<S>>& x, const Removed& removed, Index,
                    Eigen::Ref<Column<S>> out) const {
        if (values.size() != 1) detail::require_shape("RemoveTo", "values", values, x.size(), 1);
        for (Index i = 0; i < x.size(); ++i) {
            const bool gone = removed[static_cast<std::size_t>(i)];
            out[i] = gone ? static_cast<S>(values[values.size() == 1 ? 0 : i]) : x[i];
        }
    }

private:
    static void require_data(Index samples) {
        if (samples == 0) detail::raise<DataError>("RemoveTo", "samples", "0", "1 or more");
    }
};

/// A draw from [low, high) for each feature of each sample.
struct RemoveToNoise {
    double low = 0.0, high = 1.0;
    std::uint64_t seed = 0;

    template <class S>
    void operator()(const Eigen::Ref<const Column<S>>& x, const Removed& removed, Index sample,
                    Eigen::Ref<Column<S>> out) const {
        const std::uint64_t key = mix(seed, static_cast<std::uint64_t>(sample));
        for (Index i = 0; i < x.size(); ++i) {
            const bool gone = removed[static_cast<std::size_t>(i)];
            out[i] = gone ? static_cast<S>(Rng(mix(key, static_cast<std::uint64_t>(i))).uniform(low, high)) : x[i];
        }
    }
};

/// The image blurred by a Gaussian; beyond the border its last pixel goes on.
struct RemoveToBlur {
    Shape image;
    double deviation = 3.0;  ///< in pixels

    template <class S>
    void operator()(const Eigen::Ref<const Column<S>>& x, const Removed& removed, Index,
                    Eigen::Ref<Column<S>> out) const {
        detail::require_image("RemoveToBlur", image, x.size());
        if (!(deviation > 0.0)) {
            detail::raise<DataError>("RemoveToBlur", "deviation", std::to_string(deviation), "above 0");
        }
        Column<S> blurred = x;
        detail::GaussianBlur<S>{image}(blurred, deviation);
        for (Index i = 0; i < x.size(); ++i) out[i] = removed[static_cast<std::size_t>(i)] ? blurred[i] : x[i];
    }
};

/// Each pixel taken away becomes the mean of its neighbours, those beside it weighing 1/6, those at its corners 1/12,
/// all of them solved together; a bit of noise hides that. It leaves no trace of the shape of what was taken away,
/// which a model could see. With nothing left in a channel it becomes its mean.
/// Source   Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods (ROAD, 2022).
struct RemoveToNeighbours {
    Shape image;
    double noise = 0.01;  ///< deviation
    std::uint64_t seed = 0;

    template <class S>
    void operator()(const Eigen::Ref<const Column<S>>& x, const Removed& removed, Index sample,
                    Eigen::Ref<Column<S>> out) const {
        detail::require_image("RemoveToNeighbours", image, x.size());
        out = x;
        const Index n = image.positions();
        const std::uint64_t key = mix(seed, static_cast<std::uint64_t>(sample));
        for (Index c = 0; c < image.channels; ++c) {
            std::vector<Index> gone;
            for (Index p = 0; p < n; ++p) {
                if (removed[static_cast<std::size_t>(c * n + p)]) gone.push_back(p);
            }
            if (gone.empty()) continue;
            Column<double> values = x.segment(c * n, n).template cast<double>();
            solve(values, gone);
            for (const Index p : gone) {
                Rng rng(mix(key, static_cast<std::uint64_t>(c * n + p)));
                out[c * n + p] = static_cast<S>(values[p] + noise * rng.normal());
            }
        }
    }

private:
    /// f(neighbour, weight) for the pixels around p.
    template <class F>
    void around(Index p, F&& f) const {
        const Index row = p / image.width, column = p % image.width;
        for (Index dy = -1; dy <= 1; ++dy) {
            for (Index dx = -1; dx <= 1; ++dx) {
                const Index y = row + dy, x = column + dx;
                if ((dy == 0 && dx == 0) || y < 0 || y >= image.height || x < 0 || x >= image.width) continue;
                f(y * image.width + x, dy == 0 || dx == 0 ? 1.0 / 6.0 : 1.0 / 12.0);
            }
        }
    }

    /// sum of w (v_p - v_q) = 0 at every pixel that is gone: symmetric and positive definite, so conjugate gradients.
    void solve(Column<double>& values, const std::vector<Index>& gone) const {
        if (static_cast<Index>(gone.size()) == values.size()) {
            values.setConstant(values.mean());
            return;
        }
        Column<double> free = Column<double>::Zero(values.size());
        for (const Index p : gone) free[p] = 1.0;
        const auto apply = [&](const Column<double>& v) {
            Column<double> r = Column<double>::Zero(v.size());
            for (const Index p : gone) around(p, [&](Index q, double w) { r[p] += w * (v[p] - v[q]); });
            return r;
        };
        const double known_mean = values.dot((1.0 - free.array()).matrix()) / (1.0 - free.array()).sum();
        for (const Index p : gone) values[p] = known_mean;
        Column<double> r = -apply(values), direction = r;
        double square = r.squaredNorm();
        const double enough = 1e-20 * square;
        for (std::size_t i = 0; i < 2 * gone.size() + 50 && square > enough && square > 0.0; ++i) {
            const Column<double> moved = apply(direction);
            const double step = square / direction.dot(moved);
            values += step * direction;
            r -= step * moved;
            const double next = r.squaredNorm();
            direction = r + (next / square) * direction;
            square = next;
        }
    }
};

}  // namespace renn::inline RENN_ABI
