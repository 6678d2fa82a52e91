// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "make_network.hpp"
#include "model_file.hpp"

namespace playground {

void import_network(Session& session, const Snapshot& now, Job& job, std::string_view bytes, renn::Index samples,
                    std::uint64_t most_bytes) {
    Net net = read_network(bytes, *now.data, job.progress());
    auto plan = plan_of(net, *now.data);
    const NetworkCost cost = cost_of(net, *now.data);
    check_memory(cost, 1, most_bytes);
    auto data = now.data->train.first(
        static_cast<renn::Index>(std::min(static_cast<std::uint64_t>(samples), cost.samples_in(most_bytes))));
    Traced traced(std::move(net));
    if (!traced.record(data, {.progress = job.progress()})) throw Cancelled{};
    traced.index().build(0, job.progress());
    job.throw_if_cancelled();
    auto model = std::make_shared<const Model>(
        Model{.traced = std::move(traced), .train = std::move(data), .test = now.data->test});
    bool same_data = true;
    session.update([&](Snapshot& s) {
        same_data = s.data == now.data;
        if (!same_data) return;
        s.model = std::move(model);
        if (plan && s.plan == now.plan) {
            plan->seed = s.plan.seed;
            s.plan = std::move(*plan);
        }
    });
    if (!same_data) throw std::runtime_error("the data set was changed meanwhile, so the import was dropped");
}

}  // namespace playground
