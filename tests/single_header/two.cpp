// SPDX-License-Identifier: MIT
#include <renn/all.hpp>

// Every name that namespaces of the library have can be used where all of them are open.
namespace everything_open {

using namespace renn;
using namespace renn::relevance;
using namespace renn::maximisation;

using Rules = std::tuple<Zero, Epsilon, Norm, AlphaBeta, ZPlus, Gamma, WSquare, FlatRule, ZBox, PassOn, Winner,
                         SplitTies, Proportional, LinearRule, Rule, Bias, Composite, Selector, LayerInfo, LayerKind>;
using Pictures = std::tuple<Range<float>, Fourier<float>, Pyramid<float>, ColourMix<float>, Objective<OutputTarget>,
                            Search<>, Euclidean, LargestComponent>;
using Others = std::tuple<Zeros, Pass, Metric, Flat<float>, ValueRange<float>, MeanObjective<OutputTarget>>;
static_assert(StepMetric<Euclidean, float> && CompositeLayer<Network<ReLU<float>>>);
static_assert(ParameterObjective<MeanObjective<OutputTarget>, float>);

}  // namespace everything_open

const void* version_of_two() {
    return &renn::version;
}
