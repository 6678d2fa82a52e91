// SPDX-License-Identifier: MIT
// renn/evaluation/infidelity.hpp - how far an explanation is from foretelling what random perturbations do.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/explained.hpp>
#include <renn/evaluation/measurement.hpp>

namespace renn::inline RENN_ABI {

/// What is subtracted from the input: normal noise on every feature.
struct InfidelityOptions {
    int draws = 100;
    double deviation = 0.1;  ///< in units of the input
    std::uint64_t seed = 0;
};

/// E[(I . R - (f(x) - f(x - I)))^2] over random I: 0 if R foretells every change, as the gradient does of a linear
/// model. R is per unit of input (a gradient); scores that are already multiplied by the input are to be divided by it.
///
/// Shapes   x and relevance: features x n.
/// Throws   ShapeError where shapes do not fit; DataError for relevance that is not finite, no samples, no draws.
/// Cost     n * draws forward passes.
/// Source   Yeh et al., On the (In)fidelity and Sensitivity of Explanations (2019), definition 2.1.
template <class Model, class D, class E, class T>
Measurement infidelity(const Model& model, const Eigen::MatrixBase<D>& x, const Eigen::MatrixBase<E>& relevance,
                       const T& target, const InfidelityOptions& options = {}) {
    using S = typename D::Scalar;
    constexpr const char* where = "infidelity";
    const Batch<S> scores = relevance.template cast<S>();
    const BatchView<S> input(x.derived());
    detail::require_scores_of<S>(where, input, BatchView<S>(scores));
    if (options.draws < 1) detail::raise<DataError>(where, "draws", std::to_string(options.draws), "1 or more");
    const detail::Explained<S> before = detail::explained<S>(model, input, target);
    std::vector<double> each;
    for (Index j = 0; j < input.cols(); ++j) {
        Rng rng(mix(options.seed, static_cast<std::uint64_t>(j)));
        Column<double> foretold = Column<double>::Zero(options.draws);
        const auto make = [&](Index draw, Eigen::Ref<Column<S>> out) {
            for (Index i = 0; i < input.rows(); ++i) {
                const double change = options.deviation * rng.normal();
                foretold[draw] += change * static_cast<double>(scores(i, j));
                out[i] = static_cast<S>(static_cast<double>(input(i, j)) - change);
            }
        };
        const T here = detail::target_of(target, before.basis(), j);
        const Column<double> values = detail::values_of<S>(model, input.rows(), options.draws, here, make);
        const Column<double> fell = static_cast<double>(before.value[j]) - values.array();
        each.push_back((foretold - fell).cwiseAbs2().mean());
    }
    return detail::measured(where, std::move(each));
}

}  // namespace renn::inline RENN_ABI
