// SPDX-License-Identifier: MIT
// playground/app/job.hpp - long work in the background: its progress, pause and cancellation.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <renn/core/progress.hpp>

#include "../http/events.hpp"

namespace playground {

/// Thrown inside a job to end it where it was cancelled.
struct Cancelled {};

/// One piece of long work on a thread of its own. Whoever listens to the session hears of it as the event "job".
class Job {
public:
    using Work = std::function<void(Job&)>;

    /// Starts at once. `kind` is what the page calls it ("train", "audit"), `number` tells it from those before.
    Job(std::string kind, std::shared_ptr<EventHub> events, Work work, std::uint64_t number = 1);
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    ~Job() { finish(); }

    /// Cancels and waits for the end; to be called by one thread at a time.
    void finish();

    void pause();
    void resume();
    void cancel();

    /// To be called by the work now and then, as a renn::ProgressCallback: waits while the job is paused, returns false
    /// once it was cancelled, publishes at most ten times a second.
    bool report(const renn::Progress& progress);
    renn::ProgressCallback progress() {
        return [this](const renn::Progress& p) { return report(p); };
    }
    /// Throws Cancelled if it was.
    void throw_if_cancelled() const;

    std::uint64_t number() const noexcept { return number_; }
    bool running() const;
    /// kind, number, state (running, paused, cancelling, done, failed, cancelled), phase, done, total, seconds (of
    /// work: not while paused), rate and remaining (null before it can be known), error (null unless failed).
    Json json() const;

private:
    using Clock = std::chrono::steady_clock;
    enum class State { running, paused, cancelling, done, failed, cancelled };

    const std::string kind_;
    const std::uint64_t number_;
    const std::shared_ptr<EventHub> events_;
    std::mutex publishing_;  ///< before mutex_: states are published in the order in which they were
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::running;
    std::string phase_, error_;
    std::uint64_t done_ = 0, total_ = 0, done_at_phase_ = 0;
    Clock::time_point started_ = Clock::now(), phase_started_ = started_, published_ = {};
    Clock::duration paused_ = {}, paused_in_phase_ = {};
    std::optional<Clock::time_point> waiting_since_ = {}, ended_ = {};
    std::thread thread_;

    void publish();
    void set(State from, State to);
    void run(const Work& work);
    void end(State state, const std::string& error);
};

}  // namespace playground
