// SPDX-License-Identifier: MIT
// renn/core/parallel.hpp - one loop over several threads, with errors that reach the caller.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/catching.hpp>

namespace renn::inline RENN_ABI::detail {

/// 0 asks for every core; never more threads than tasks, never fewer than one.
inline int thread_count(int wanted, Index tasks) {
    const Index limit = wanted > 0 ? wanted : static_cast<Index>(std::max(1U, std::thread::hardware_concurrency()));
    return static_cast<int>(std::clamp<Index>(tasks, 1, limit));
}

/// What is called, without its type, so that the loop below is compiled once and not for every caller.
struct TaskCall {
    const void* object;
    void (*call)(const void*, Index task, int worker);
};
struct AfterCall {
    const void* object;
    bool (*call)(const void*, Index finished);
};

inline bool run_tasks(Index tasks, int threads, TaskCall work, AfterCall after_each) {
    std::atomic<Index> next{0};
    std::atomic<Index> finished{0};
    std::atomic<bool> stop{false};
    bool cancelled = false;
    Index told = 0;
    std::exception_ptr error;
    std::mutex error_guard;

    const auto take_tasks = [&](int worker) {
        while (!stop.load(std::memory_order_relaxed)) {
            const Index task = next.fetch_add(1);
            if (task >= tasks) break;
            work.call(work.object, task, worker);
            const Index count = finished.fetch_add(1) + 1;
            if (worker != 0) continue;
            told = count;
            if (!after_each.call(after_each.object, count)) {
                cancelled = true;
                stop = true;
            }
        }
    };
    const auto run = [&](int worker) {
        catching([&] { take_tasks(worker); },
                 [&](const std::exception_ptr& caught) {
                     const std::lock_guard lock(error_guard);
                     if (!error) error = caught;
                     stop = true;
                 });
    };

    std::vector<std::jthread> helpers;  // joins on every way out
    const int count = thread_count(threads, tasks);
    helpers.reserve(static_cast<std::size_t>(count - 1));
    for (int worker = 1; worker < count; ++worker) helpers.emplace_back(run, worker);
    run(0);
    helpers.clear();
    if (error) std::rethrow_exception(error);
    if (!cancelled && told < tasks)
        cancelled = !after_each.call(after_each.object, tasks);  // a helper did the last task
    return !cancelled;
}

/// Calls work(task, worker) for every task in 0..tasks-1, each once, tasks handed out in ascending order.
/// The calling thread is worker 0, and only there is `after_each(finished)` called, at the latest when all is done;
/// returning false stops handing out tasks. The first error of any worker stops the others; all threads are joined
/// before it is rethrown. Returns false if it was stopped by after_each.
template <class Work, class AfterEach>
bool parallel_for(Index tasks, int threads, Work&& work, AfterEach&& after_each) {
    using W = std::remove_reference_t<Work>;
    using A = std::remove_reference_t<AfterEach>;
    return run_tasks(
        tasks, threads,
        {&work, [](const void* w, Index task, int worker) { (*static_cast<W*>(const_cast<void*>(w)))(task, worker); }},
        {&after_each, [](const void* a, Index finished) {
             return static_cast<bool>((*static_cast<A*>(const_cast<void*>(a)))(finished));
         }});
}

template <class Work>
void parallel_for(Index tasks, int threads, Work&& work) {
    parallel_for(tasks, threads, work, [](Index) { return true; });
}

}  // namespace renn::inline RENN_ABI::detail
