// SPDX-License-Identifier: MIT
#include <chrono>

#include "job.hpp"
#include "train.hpp"

namespace playground {

Traced record_and_index(const Net& net, const renn::Dataset<float>& data, const renn::ProgressCallback& progress,
                        PhaseSeconds& seconds) {
    using Clock = std::chrono::steady_clock;
    Clock::duration waited{};
    const renn::ProgressCallback told = [&](const renn::Progress& p) {
        const auto begin = Clock::now();
        const bool goes_on = progress(p);
        waited += Clock::now() - begin;
        return goes_on;
    };
    const auto timed = [&](double& took, const auto& work) {
        waited = {};
        const auto begin = Clock::now();
        const bool whole = work();
        took = std::chrono::duration<double>(Clock::now() - begin - waited).count();
        if (!whole) throw Cancelled{};
    };
    Traced traced(net);
    timed(seconds.recording, [&] { return traced.record(data, {.progress = told}); });
    timed(seconds.indexing, [&] { return traced.index().build(0, told); });
    return traced;
}

}  // namespace playground
