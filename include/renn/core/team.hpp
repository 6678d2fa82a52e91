// SPDX-License-Identifier: MIT
// renn/core/team.hpp - threads that stay for many short loops, with errors that reach the caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/catching.hpp>

namespace renn::inline RENN_ABI::detail {

/// Helpers beside the calling thread. Between loops they look out for work for a moment, then sleep. A thread that the
/// system refuses is done without.
///
/// Tasks are handed out one by one, so a helper whose core is taken delays at most the task it has begun, and one that
/// wakes up late finds nothing left to do.
class Team {
public:
    explicit Team(int threads) {
        catching(
            [&] {
                helpers_.reserve(static_cast<std::size_t>(threads > 1 ? threads - 1 : 0));
                for (int i = 1; i < threads; ++i) helpers_.emplace_back([this] { serve(); });
            },
            [](const std::exception_ptr&) {});
    }
    ~Team() {
        stop_.store(true, std::memory_order_relaxed);
        call();
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    /// Calls work(task) for every task in 0..tasks-1, each once, on any thread; returns when all are done. If tasks
    /// throw, the error of the first of them is thrown then. Allocates nothing.
    template <class Work>
    void run(Index tasks, const Work& work) {
        if (helpers_.empty() || tasks < 2) {
            for (Index task = 0; task < tasks; ++task) work(task);
            return;
        }
        work_ = &work;
        call_ = [](const void* w, Index task) { (*static_cast<const Work*>(w))(task); };
        tasks_ = failed_ = tasks;
        unfinished_.store(tasks, std::memory_order_relaxed);
        waiting_.store(tasks, std::memory_order_release);  // from here on a late helper may join in
        call();
        take_tasks();
        for (Index left = 0; (left = patiently(unfinished_, [](Index n) { return n == 0; })) != 0;) {
            unfinished_.wait(left, std::memory_order_acquire);
        }
        if (failed_ < tasks) {
            const std::exception_ptr error = error_;
            error_ = nullptr;
            std::rethrow_exception(error);
        }
    }

private:
    /// Looks at a number until `enough` says so, about 50 us at most, and lets others run meanwhile.
    template <class T, class Enough>
    static T patiently(const std::atomic<T>& number, Enough&& enough) {
        T seen = number.load(std::memory_order_acquire);
        for (int i = 0; i < 200 && !enough(seen); ++i) {
            std::this_thread::yield();
            seen = number.load(std::memory_order_acquire);
        }
        return seen;
    }

    void call() {
        calls_.fetch_add(1, std::memory_order_release);
        calls_.notify_all();
    }

    /// A number taken from waiting_ that is above 0 is a task, and what belongs to it does not change before it is
    /// finished.
    void take_tasks() {
        for (Index ticket = 0; (ticket = waiting_.fetch_sub(1, std::memory_order_acq_rel)) > 0;) {
            const Index task = tasks_ - ticket;
            catching([&] { call_(work_, task); },
                     [&](const std::exception_ptr& caught) {
                         const std::lock_guard lock(error_guard_);
                         if (task < failed_) {
                             failed_ = task;
                             error_ = caught;
                         }
                     });
            if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
        }
    }

    void serve() {
        for (std::uint32_t answered = 0;;) {
            const std::uint32_t last = answered;
            while ((answered = patiently(calls_, [last](std::uint32_t n) { return n != last; })) == last) {
                calls_.wait(last, std::memory_order_acquire);
            }
            if (stop_.load(std::memory_order_relaxed)) return;
            take_tasks();
        }
    }

    const void* work_ = nullptr;
    void (*call_)(const void*, Index) = nullptr;
    Index tasks_ = 0;
    Index failed_ = 0;  ///< the first task that threw, or tasks_
    std::exception_ptr error_;
    std::mutex error_guard_;
    std::atomic<Index> waiting_{0}, unfinished_{0};
    std::atomic<std::uint32_t> calls_{0};
    std::atomic<bool> stop_{false};
    std::vector<std::jthread> helpers_;  // last: joined before the rest goes
};

}  // namespace renn::inline RENN_ABI::detail
