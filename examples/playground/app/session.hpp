// SPDX-License-Identifier: MIT
// playground/app/session.hpp - what one browser tab works with, and all the tabs there are.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "../http/events.hpp"
#include "job.hpp"
#include "network_plan.hpp"

namespace playground {

struct DataSet;
struct Model;
struct Findings;

/// What a session holds at one moment. Parts are never changed, only replaced, so whoever has a copy may read it for as
/// long as it likes, on any thread, while the session goes on.
struct Snapshot {
    std::shared_ptr<const DataSet> data = {};
    NetworkPlan plan = {};
    std::shared_ptr<const Model> model = {};        ///< null until trained
    std::shared_ptr<const Findings> findings = {};  ///< about the model; null until something was asked
    std::uint64_t model_version = 0;  ///< another one whenever model is: an answer of an older one is stale
};

/// {data, plan, model, model_version}, and the memory of what is one session's alone. In describe.cpp: sessions need
/// not know what they hold.
Json describe(const Snapshot& now);
std::size_t bytes_of(const Snapshot& now);

/// One tab.
class Session {
public:
    explicit Session(std::string id) : id_(std::move(id)) {}
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    /// Ends the work, whoever else still holds the job.
    ~Session();

    const std::string& id() const noexcept { return id_; }
    EventHub& events() noexcept { return *events_; }

    Snapshot snapshot() const;
    /// Changes it and tells who listens (the event "state"). A new data set drops the model; a new model gets a new
    /// version.
    void update(const std::function<void(Snapshot&)>& change);

    /// Throws HttpError 409 while work is running.
    void require_idle() const;
    /// Starts long work. Throws as require_idle.
    std::shared_ptr<Job> start(const std::string& kind, Job::Work work);
    /// The work started last, null if there was none.
    std::shared_ptr<Job> job() const;

    /// Memory of what is this session's alone.
    std::size_t bytes() const;
    /// Everything the page needs to draw itself anew: data, plan, model, job, memory.
    Json json() const;

    std::chrono::steady_clock::time_point used() const;
    void touch();
    /// Whether a tab shows it.
    bool listened_to() const;

private:
    const std::string id_;
    const std::shared_ptr<EventHub> events_ = std::make_shared<EventHub>();
    std::mutex publishing_;  ///< before mutex_: states are published in the order in which they were
    mutable std::mutex mutex_;
    Snapshot now_;
    std::chrono::steady_clock::time_point used_ = std::chrono::steady_clock::now();
    std::shared_ptr<Job> job_;
    std::uint64_t jobs_ = 0;  ///< started so far
};

/// All sessions. When together they hold more than the limit, or are too many, those whose tab is closed and then those
/// not used for longest are dropped; never the one that is being used.
class Sessions {
public:
    static constexpr std::size_t most_sessions = 64;

    explicit Sessions(std::size_t most_bytes) : most_bytes_(most_bytes) {}
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;
    /// Tells all their work to end before it waits for any.
    ~Sessions();

    std::shared_ptr<Session> create();
    /// Throws HttpError 410 for one that was dropped, saying why; 404 for one that never was.
    std::shared_ptr<Session> find(const std::string& id);
    void drop(const std::string& id, const std::string& why);
    std::size_t most_bytes() const noexcept { return most_bytes_; }

private:
    const std::size_t most_bytes_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Session>> sessions_;
    std::deque<std::pair<std::string, std::string>> dropped_;  ///< latest last, and why

    void make_room(const Session& in_use);
};

}  // namespace playground
