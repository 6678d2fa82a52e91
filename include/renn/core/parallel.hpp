// SPDX-License-Identifier: MIT
// renn/core/parallel.hpp - one loop over several threads, with errors that reach the caller.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/catching.hpp>
#include <renn/core/function_ref.hpp>

namespace renn::inline RENN_ABI::detail {

/// 0 asks for every core; never more threads than tasks, never fewer than one.
inline int thread_count(int wanted, Index tasks) {
    const Index limit = wanted > 0 ? wanted : static_cast<Index>(std::max(1U, std::thread::hardware_concurrency()));
    return static_cast<int>(std::clamp<Index>(tasks, 1, limit));
}

/// Calls work(task, worker) for every task in 0..tasks-1, each once, tasks handed out in ascending order.
/// The calling thread is worker 0, and only there is `after_each(finished)` called, at the latest when all is done;
/// no task is begun before it returns, and returning false stops handing them out. The first error of any worker stops
/// the others; all threads are joined before it is rethrown. Returns false if it was stopped by after_each.
inline bool parallel_for(Index tasks, int threads, FunctionRef<void(Index, int)> work,
                         FunctionRef<bool(Index)> after_each) {
    std::atomic<Index> next{0};
    std::atomic<Index> finished{0};
    std::atomic<bool> stop{false};
    std::atomic<bool> telling{false};
    bool cancelled = false;
    Index told = 0;
    std::exception_ptr error;
    std::mutex error_guard;

    const auto tell = [&](bool begins) {
        telling = begins;
        if (!begins) telling.notify_all();
    };
    const auto take_tasks = [&](int worker) {
        for (;;) {
            if (worker != 0) telling.wait(true);  // a callback that waits pauses everybody
            if (stop.load(std::memory_order_relaxed)) break;
            const Index task = next.fetch_add(1);
            if (task >= tasks) break;
            work(task, worker);
            const Index count = finished.fetch_add(1) + 1;
            if (worker != 0) continue;
            told = count;
            tell(true);
            if (!after_each(count)) {
                cancelled = true;
                stop = true;
            }
            tell(false);
        }
    };
    const auto run = [&](int worker) {
        catching([&] { take_tasks(worker); },
                 [&](const std::exception_ptr& caught) {
                     const std::lock_guard lock(error_guard);
                     if (!error) error = caught;
                     stop = true;
                     if (worker == 0) tell(false);
                 });
    };

    std::vector<std::jthread> helpers;  // joins on every way out
    const int count = thread_count(threads, tasks);
    helpers.reserve(static_cast<std::size_t>(count - 1));
    for (int worker = 1; worker < count; ++worker) helpers.emplace_back(run, worker);
    run(0);
    helpers.clear();
    if (error) std::rethrow_exception(error);
    if (!cancelled && told < tasks) cancelled = !after_each(tasks);  // a helper did the last task
    return !cancelled;
}

inline void parallel_for(Index tasks, int threads, FunctionRef<void(Index, int)> work) {
    parallel_for(tasks, threads, work, [](Index) { return true; });
}

}  // namespace renn::inline RENN_ABI::detail
