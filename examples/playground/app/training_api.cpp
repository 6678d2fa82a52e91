// SPDX-License-Identifier: MIT
// The tab Training: fits the planned network, records what its neurons do, and indexes that.
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "app.hpp"
#include "data_set.hpp"
#include "describe.hpp"
#include "train.hpp"

namespace playground {
namespace {

/// The latest training of every session, for as long as there is the session.
class TrainRuns {
public:
    std::shared_ptr<TrainRun> get(const Session& session) {
        const std::lock_guard lock(mutex_);
        const auto found = runs_.find(session.id());
        return found == runs_.end() ? nullptr : found->second.second;
    }
    void set(const std::shared_ptr<Session>& session, std::shared_ptr<TrainRun> run) {
        const std::lock_guard lock(mutex_);
        std::erase_if(runs_, [](const auto& entry) { return entry.second.first.expired(); });
        runs_[session->id()] = {session, std::move(run)};
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::pair<std::weak_ptr<Session>, std::shared_ptr<TrainRun>>> runs_;
};

/// What training further would go on with; null if there is nothing.
Json describe_further(const Snapshot& now) {
    if (!now.model) return {};
    const auto& report = now.model->report;
    return {{"epochs", now.model->history.size()},
            {"same_plan", continues(now)},
            {"state", now.model->state != nullptr && report},
            {"loss", report ? Json(report->options.loss) : Json()},
            {"optimizer", report ? Json(report->options.optimizer) : Json()}};
}

Json describe_training(const Snapshot& now, const std::shared_ptr<TrainRun>& run) {
    return {{"run", run && run->of(now.data) ? run->json() : Json()}, {"further", describe_further(now)}};
}

}  // namespace

void add_training_routes(Router& router, App& app) {
    const auto runs = std::make_shared<TrainRuns>();
    router.add("GET", "/api/sessions/{session}/train", [&app, runs](const Request& request) {
        const auto session = app.session(request);
        return json_response(describe_training(session->snapshot(), runs->get(*session)));
    });
    router.add("POST", "/api/sessions/{session}/train", [&app, runs](const Request& request) {
        const auto session = app.session(request);
        session->require_idle();
        const Snapshot now = session->snapshot();
        if (!now.data) throw HttpError(409, "no_data", "there are no data yet: choose a data set first");
        const TrainOptions options = parse_train_options(request.json(), *now.data);
        check_memory(cost_of(now, options), static_cast<std::uint64_t>(options.train),
                     memory_beside(*now.data, app.options.session_bytes));
        const auto run = plan_training(now, options);
        const auto before = runs->get(*session);
        runs->set(session, run);
        try {
            const auto job = session->start(
                "train", [&session = *session, now, run](Job& work) { train(session, now, work, *run); });
            return json_response({{"job", job->json()}, {"run", run->json()}}, 202);
        } catch (...) {
            runs->set(session, before);
            throw;
        }
    });
    /// Ends a training and keeps what it learnt.
    router.add("POST", "/api/sessions/{session}/train/finish", [&app, runs](const Request& request) {
        const auto session = app.session(request);
        const auto run = runs->get(*session);
        const auto job = session->job();
        if (!run || !job || !job->running()) throw HttpError(409, "no_work", "nothing is being trained");
        run->finish(*job);
        return json_response(job->json());
    });
}

}  // namespace playground
