// SPDX-License-Identifier: MIT
// support/transposed_convolution.hpp - a linear layer that is not one of renn's, as a user would write it.
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/layers/convolution.hpp>

namespace renn::test {

/// The transpose of a convolution, plus a bias for each channel that it makes. Weights as PyTorch's ConvTranspose2d.
class TransposedConvolution {
public:
    using Scalar = double;
    using Parameters = Conv2d<double>::Parameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "TransposedConvolution";

    /// `output`: what it makes; `options` of the convolution that it is the transpose of.
    TransposedConvolution(const Shape& output, const Conv2dOptions& options, Parameters parameters)
        : inner_(output, options), parameters_(std::move(parameters)) {}

    Index in_features() const noexcept { return inner_.out_features(); }
    Index out_features() const noexcept { return inner_.in_features(); }
    const Parameters& parameters() const noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<double>& x, Batch<double>& y, Cache&, const Pass&) const {
        map(w, x, y);
        const Index places = inner_.input_shape().positions();
        for (Index i = 0; i < y.rows(); ++i) y.row(i).array() += w.bias[i / places];
    }
    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<double>&, const BatchView<double>&, const Cache&,
                  const BatchView<double>& dy, Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }
    void map(const Parameters& w, const BatchView<double>& x, Batch<double>& y) const {
        inner_.map_transposed(w, x, y);
    }
    void map_transposed(const Parameters& w, const BatchView<double>& y, Batch<double>& x) const {
        inner_.map(w, y, x);
    }

private:
    Conv2d<double> inner_;
    Parameters parameters_;
};

}  // namespace renn::test
