// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "../http/guard.hpp"

namespace playground {
namespace {

void require_over(const std::shared_ptr<Job>& job) {
    if (job && job->running()) throw HttpError(409, "busy", "other work is still running: cancel it or wait for it");
}

}  // namespace

Session::~Session() {
    if (job_) job_->finish();
}

Snapshot Session::snapshot() const {
    const std::lock_guard lock(mutex_);
    return now_;
}

void Session::update(const std::function<void(Snapshot&)>& change) {
    Snapshot before;  // what is let go of dies outside the lock
    {
        const std::lock_guard lock(mutex_);
        before = now_;
        change(now_);
        if (now_.data != before.data && now_.model == before.model) now_.model = nullptr;
        if (now_.model != before.model) {
            ++now_.model_version;
            now_.findings = nullptr;
        }
    }
    const std::lock_guard lock(publishing_);
    const auto works = [this] {
        const auto job = this->job();
        return job && job->running();
    };
    // Work that ends, and tells so, while this is written must not be told to run still.
    for (bool worked = works();; worked = !worked) {
        events_->publish_state("state", json());
        if (works() == worked) return;
    }
}

void Session::require_idle() const {
    require_over(job());
}

std::shared_ptr<Job> Session::start(const std::string& kind, Job::Work work) {
    std::shared_ptr<Job> before;
    const std::lock_guard lock(mutex_);
    require_over(job_);
    before = std::exchange(job_, nullptr);
    return job_ = std::make_shared<Job>(kind, events_, std::move(work), ++jobs_);
}

std::shared_ptr<Job> Session::job() const {
    const std::lock_guard lock(mutex_);
    return job_;
}

std::size_t Session::bytes() const {
    return bytes_of(snapshot());
}

Json Session::json() const {
    const Snapshot now = snapshot();
    const auto job = this->job();
    Json json = describe(now);
    json["session"] = id_;
    json["job"] = job ? job->json() : Json();
    json["bytes"] = bytes_of(now);
    return json;
}

std::chrono::steady_clock::time_point Session::used() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

void Session::touch() {
    const std::lock_guard lock(mutex_);
    used_ = std::chrono::steady_clock::now();
}

bool Session::listened_to() const {
    return events_->listeners() > 0;
}

Sessions::~Sessions() {
    for (const auto& [id, session] : sessions_) {
        if (const auto job = session->job()) job->cancel();
    }
}

std::shared_ptr<Session> Sessions::create() {
    auto session = std::make_shared<Session>(random_token().substr(0, 16));
    {
        const std::lock_guard lock(mutex_);
        sessions_.emplace(session->id(), session);
    }
    make_room(*session);
    return session;
}

std::shared_ptr<Session> Sessions::find(const std::string& id) {
    std::shared_ptr<Session> session;
    {
        const std::lock_guard lock(mutex_);
        const auto found = sessions_.find(id);
        if (found == sessions_.end()) {
            const auto why = std::ranges::find(dropped_, id, &std::pair<std::string, std::string>::first);
            if (why != dropped_.end()) throw HttpError(410, "session_dropped", why->second);
            throw HttpError(404, "unknown_session", "this session does not exist, or the playground was started anew");
        }
        session = found->second;
    }
    session->touch();
    make_room(*session);
    return session;
}

void Sessions::drop(const std::string& id, const std::string& why) {
    std::shared_ptr<Session> gone;  // ends outside the lock: it may have to wait for its job
    {
        const std::lock_guard lock(mutex_);
        const auto found = sessions_.find(id);
        if (found == sessions_.end()) return;
        gone = std::move(found->second);
        sessions_.erase(found);
        dropped_.emplace_back(id, why);
        if (dropped_.size() > 1000) dropped_.pop_front();
    }
    if (const auto job = gone->job()) job->cancel();
    gone->events().publish_each("dropped", {{"message", why}});
    gone->events().close();
}

void Sessions::make_room(const Session& in_use) {
    for (;;) {
        std::shared_ptr<Session> oldest;
        {
            const std::lock_guard lock(mutex_);
            std::size_t bytes = 0;
            for (const auto& [id, session] : sessions_) bytes += session->bytes();
            if (bytes <= most_bytes_ && sessions_.size() <= most_sessions) return;
            const auto rank = [](const Session& s) { return std::pair(s.listened_to(), s.used()); };
            for (const auto& [id, session] : sessions_) {
                if (session.get() == &in_use) continue;
                if (!oldest || rank(*session) < rank(*oldest)) oldest = session;
            }
        }
        if (!oldest) return;
        drop(oldest->id(), "this tab was not used for longest, and its memory was needed for others");
    }
}

}  // namespace playground
