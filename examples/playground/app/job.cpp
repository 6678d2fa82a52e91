// SPDX-License-Identifier: MIT
#include "job.hpp"

#include <exception>
#include <new>
#include <utility>

#include <nlohmann/json.hpp>

namespace playground {

Job::Job(std::string kind, std::shared_ptr<EventHub> events, Work work, std::uint64_t number)
    : kind_(std::move(kind)), number_(number), events_(std::move(events)) {
    thread_ = std::thread([this, work = std::move(work)] { run(work); });
}

void Job::finish() {
    cancel();
    if (thread_.joinable()) thread_.join();
}

void Job::publish() {
    const std::lock_guard lock(publishing_);
    events_->publish_state("job", json());
}

void Job::set(State from, State to) {
    {
        const std::lock_guard lock(mutex_);
        if (state_ != from) return;
        state_ = to;
    }
    changed_.notify_all();
    publish();
}

void Job::pause() {
    set(State::running, State::paused);
}
void Job::resume() {
    set(State::paused, State::running);
}
void Job::cancel() {
    set(State::running, State::cancelling);
    set(State::paused, State::cancelling);
}

bool Job::report(const renn::Progress& progress) {
    bool publishes = false;
    {
        std::unique_lock lock(mutex_);
        const auto now = Clock::now();
        if (phase_ != progress.phase) {
            phase_ = progress.phase;
            phase_started_ = now;
            paused_in_phase_ = {};
            done_at_phase_ = progress.done;
            published_ = {};
        }
        done_ = progress.done;
        total_ = progress.total;
        if (now - published_ > std::chrono::milliseconds(100) || done_ == total_) {
            published_ = now;
            publishes = true;
        }
        if (state_ == State::paused) {
            waiting_since_ = now;
            changed_.wait(lock, [this] { return state_ != State::paused; });
            waiting_since_.reset();
            const auto waited = Clock::now() - now;
            paused_ += waited;
            paused_in_phase_ += waited;
        }
        if (state_ == State::cancelling) return false;
    }
    if (publishes) publish();
    return true;
}

void Job::throw_if_cancelled() const {
    const std::lock_guard lock(mutex_);
    if (state_ == State::cancelling) throw Cancelled{};
}

bool Job::running() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::running || state_ == State::paused || state_ == State::cancelling;
}

Json Job::json() const {
    const std::lock_guard lock(mutex_);
    static constexpr const char* names[] = {"running", "paused", "cancelling", "done", "failed", "cancelled"};
    const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
    const auto now = ended_ ? *ended_ : waiting_since_ ? *waiting_since_ : Clock::now();
    const double in_phase = seconds(now - phase_started_ - paused_in_phase_);
    Json json = {
        {"kind", kind_},        {"number", number_}, {"state", names[static_cast<int>(state_)]},     {"phase", phase_},
        {"done", done_},        {"total", total_},   {"seconds", seconds(now - started_ - paused_)}, {"rate", nullptr},
        {"remaining", nullptr}, {"error", nullptr}};
    // The first moments of a phase are slower than the rest; what they promise would be wrong.
    constexpr double warm_up = 0.5;
    if (state_ == State::running && in_phase > warm_up && done_ > done_at_phase_ && total_ >= done_) {
        const double rate = static_cast<double>(done_ - done_at_phase_) / in_phase;
        json["rate"] = rate;
        json["remaining"] = static_cast<double>(total_ - done_) / rate;
    }
    if (state_ == State::failed) json["error"] = error_;
    return json;
}

void Job::end(State state, const std::string& error) {
    {
        const std::lock_guard lock(mutex_);
        state_ = state;
        error_ = error;
        ended_ = Clock::now();
    }
    publish();
}

void Job::run(const Work& work) {
    try {
        publish();
        work(*this);
        end(State::done, "");
    } catch (const Cancelled&) {
        end(State::cancelled, "");
    } catch (const std::bad_alloc&) {
        end(State::failed, "not enough memory for this");
    } catch (const std::exception& e) {
        end(State::failed, e.what());
    } catch (...) {
        end(State::failed, "unknown failure");
    }
}

}  // namespace playground
