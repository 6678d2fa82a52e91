// SPDX-License-Identifier: MIT
#include <memory>
#include <stdexcept>
#include <utility>

#include "make_network.hpp"
#include "model_file.hpp"

namespace playground {

void import_network(Session& session, const Snapshot& now, Job& job, const Net& net, renn::Index samples) {
    auto data = now.data->train.first(samples);
    Traced traced(net);
    if (!traced.record(data, {.progress = job.progress()})) throw Cancelled{};
    traced.index().build(0, job.progress());
    job.throw_if_cancelled();
    auto plan = plan_of(net, *now.data);
    auto model = std::make_shared<const Model>(
        Model{.traced = std::move(traced), .train = std::move(data), .test = now.data->test});
    bool same_data = true;
    session.update([&](Snapshot& s) {
        same_data = s.data == now.data;
        if (!same_data) return;
        s.model = std::move(model);
        if (plan) {
            plan->seed = s.plan.seed;
            s.plan = std::move(*plan);
        }
    });
    if (!same_data) throw std::runtime_error("the data set was changed meanwhile, so the import was dropped");
}

}  // namespace playground
