// SPDX-License-Identifier: MIT
// renn/retrace/for_each_answer.hpp - retraces a whole data set in little memory.
#pragma once

#include <algorithm>

#include <renn/core/batch.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// f(position, answer) for every sample of the data, in order. The samples are retraced 256 at a time, for an answer
/// keeps all its votes; f itself is never called by two threads.
///
/// Throws   as TracedNetwork::retrace.
/// Cost     a retrace a sample, spread over threads (0: every core); memory for 256 answers.
template <class Traced, class F>
void for_each_answer(const Traced& traced, const Dataset<typename Traced::Scalar>& data, const RetraceOptions& options,
                     int threads, F&& f) {
    constexpr Index at_once = 256;
    Batch<typename Traced::Scalar> x;
    for (Index first = 0; first < data.samples(); first += at_once) {
        data.inputs(first, std::min(at_once, data.samples() - first), x);
        Index position = first;
        for (const auto& answer : traced.retrace_batch(x, options, threads)) f(position++, answer);
    }
}

}  // namespace renn::inline RENN_ABI
