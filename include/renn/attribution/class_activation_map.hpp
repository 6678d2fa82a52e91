// SPDX-License-Identifier: MIT
// renn/attribution/class_activation_map.hpp - where in the image a convolution sees what speaks for the target.
#pragma once

#include <string>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/guided_backprop.hpp>
#include <renn/attribution/layer_attribution.hpp>
#include <renn/attribution/upsample.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/place_shape.hpp>
#include <renn/network/receptive_field.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// A map a sample, positions x n, from what a layer puts out and the gradient by it: f(activations, gradient, map),
/// each of the first two positions x channels of one sample.
template <class Net, class T, class S, class F>
void write_map(const char* where, const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
               const std::string& place, const Shape& given, AttributionWorkspace<Net>& w, Attribution<S>& result,
               F&& f) {
    const Shape image = given.unknown() ? shape_at(net, place) : given;
    forward_to(net, x, target, w);
    with_gradient_at(where, net, x, target, place, w, [&](const auto& h, const auto& slope) {
        if (image.size() != h.rows() || image.size() == 0) {
            raise<ShapeError>(where, "image of \"" + place + "\"", image.text(),
                              "a shape of its " + std::to_string(h.rows()) + " values");
        }
        reshape(result.scores, image.positions(), h.cols());
        for (Index j = 0; j < h.cols(); ++j) {
            using Maps = Eigen::Map<const Batch<S>>;
            f(Maps(h.col(j).data(), image.positions(), image.channels),
              Maps(slope.col(j).data(), image.positions(), image.channels), result.scores.col(j));
        }
    });
    result.explained = w.value;
    result.gap.resize(0);
    result.clear_remarks();
    warn_of_zeros(result);
}

}  // namespace detail

/// CAM: sum over channels c of the layer's A_c, each with the weight w_c by which its mean enters the target, in a
/// network that ends in the mean of each channel and one linear layer. So the mean of the map and the bias are the
/// target: the gap, the target less the mean of the map, is that bias.
///
/// Shapes   scores: positions x n; see upsample() for the size of the input.
/// Throws   DataError if values of a channel do not enter with one weight, for a layer that there is not; ShapeError if
///          the layer's output is no image.
/// Cost     as LayerGradientTimesActivation.
/// Source   Zhou et al. (2016), "Learning deep features for discriminative localization".
struct ClassActivationMap {
    std::string place = {};  ///< path of the layer before the global pooling
    Shape image = {};        ///< of the layer's output; left out: as the network says

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        detail::write_map(
            "ClassActivationMap", net, x, target, place, image, workspace, result,
            [](const auto& h, const auto& slope, auto&& map) {
                const S positions = static_cast<S>(h.rows());
                const auto first = slope.row(0);
                if ((slope.rowwise() - first).cwiseAbs().maxCoeff() > S(1e-4) * slope.cwiseAbs().maxCoeff()) {
                    detail::raise<DataError>("ClassActivationMap", "weights of a channel", "different ones",
                                             "one for all its positions, as behind a global mean; "
                                             "GradCam takes any network");
                }
                map = h * (positions * first.transpose());
            });
        result.gap = result.explained - result.scores.colwise().mean().transpose();
    }
};

/// Grad-CAM: the same for any network, with the mean over positions of df/dA_c as the weight of channel c. Where CAM is
/// possible it is the number of positions times this. What speaks against the target is cut off unless relu = false.
///
/// Shapes   scores: positions of the layer x n, as Captum's LayerGradCam; at the size of the input (its interpolate()):
///          upsample(scores, {layer.height, layer.width}, {height, width}), with layer = shape_at(net, place).
/// Throws   as ClassActivationMap, but takes any network.
/// Cost     as LayerGradientTimesActivation.
/// Source   Selvaraju et al. (2017), "Grad-CAM: visual explanations from deep networks".
struct GradCam {
    std::string place = {};  ///< path of a layer, mostly the last with an image
    bool relu = true;
    Shape image = {};  ///< of the layer's output; left out: as the network says

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        detail::write_map("GradCam", net, x, target, place, image, workspace, result,
                          [this](const auto& h, const auto& slope, auto&& map) {
                              map = h * slope.colwise().mean().transpose();
                              if (relu) map = map.cwiseMax(S(0)).eval();
                          });
    }
};

/// Layer-CAM: each position of each channel with its own weight max(df/dA_c(u), 0).
///
/// Shapes   scores: positions x n. Throws and costs as GradCam.
/// Source   Jiang et al. (2021), "LayerCAM: exploring hierarchical class activation maps".
struct LayerCam {
    std::string place = {};  ///< path of a layer
    Shape image = {};        ///< of the layer's output; left out: as the network says

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        detail::write_map("LayerCam", net, x, target, place, image, workspace, result,
                          [](const auto& h, const auto& slope, auto&& map) {
                              map = h.cwiseProduct(slope.cwiseMax(S(0))).rowwise().sum();
                          });
    }
};

/// Guided backprop times the enlarged map of GradCam, for every feature of the input. It warns as GuidedBackprop does.
///
/// Shapes   scores as x.
/// Throws   as GradCam; ShapeError if the input is no image.
/// Source   Selvaraju et al. (2017).
struct GuidedGradCam {
    std::string place = {};  ///< path of a layer
    Interpolation interpolation = Interpolation::bilinear;
    Shape image = {};  ///< of the layer's output; left out: as the network says
    Shape input = {};  ///< of the input; left out: as the network says

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        Shape whole = input;
        if (whole.unknown()) detail::find_image(net, net.parameters(), whole);
        if (whole.size() != x.rows() || whole.size() == 0) {
            detail::raise<ShapeError>("GuidedGradCam", "image", whole.text(), std::to_string(x.rows()) + " features");
        }
        const Shape layer = image.unknown() ? shape_at(net, place) : image;
        GradCam{place, true, image}(net, x, target, workspace, result);
        const Batch<S> map =
            upsample(result.scores, {layer.height, layer.width}, {whole.height, whole.width}, interpolation);
        GuidedBackprop{}(net, x, target, workspace, result);
        for (Index c = 0; c < whole.channels; ++c) {
            result.scores.middleRows(c * whole.positions(), whole.positions()).array() *= map.array();
        }
        detail::warn_of_zeros(result);
    }
};

}  // namespace renn::inline RENN_ABI
