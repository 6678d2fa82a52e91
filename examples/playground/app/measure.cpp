// SPDX-License-Identifier: MIT
#include "measure.hpp"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace playground {

std::optional<Measured> measure(const Net& net, const renn::Dataset<float>& data, const renn::AnyLoss& loss,
                                renn::Index batch, const std::function<bool(renn::Index)>& go_on) {
    renn::Workspace<Net> workspace;
    renn::Batch<float> x, slope, wanted;
    Measured result;
    double sum = 0.0;
    Eigen::ArrayXf least, most;  // of each output
    for (renn::Index first = 0; first < data.samples(); first += batch) {
        const renn::Index count = std::min(batch, data.samples() - first);
        data.inputs(first, count, x);
        const renn::Batch<float>& y = net.forward(x, workspace);
        const Eigen::ArrayXf low = y.rowwise().minCoeff().array(), high = y.rowwise().maxCoeff().array();
        least = first == 0 ? low : least.min(low).eval();
        most = first == 0 ? high : most.max(high).eval();
        renn::Targets<float> targets;
        if (data.has_targets()) {
            wanted = data.targets().middleCols(first, count);
            targets.values = &wanted;
        }
        if (data.has_labels()) {
            targets.labels = data.labels().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
            if (first == 0) {
                // A single output tells two classes apart.
                result.confusion = renn::Confusion(std::max<renn::Index>({2, data.classes(), y.rows()}));
            }
            for (renn::Index j = 0; j < count; ++j) {
                result.confusion.add(targets.labels[static_cast<std::size_t>(j)], renn::predicted_class(y.col(j)));
            }
        }
        sum += static_cast<double>(count) *
               std::visit([&](const auto& l) { return l(renn::BatchView<float>(y), targets, slope); }, loss);
        if (!go_on(first + count)) return std::nullopt;
    }
    result.evaluation.loss = sum / static_cast<double>(std::max<renn::Index>(1, data.samples()));
    if (data.has_labels()) result.evaluation.accuracy = result.confusion.accuracy();
    for (renn::Index i = 0; data.samples() > 1 && i < least.size(); ++i) {
        if (least[i] == most[i]) result.constant.push_back(i);
    }
    return result;
}

}  // namespace playground
