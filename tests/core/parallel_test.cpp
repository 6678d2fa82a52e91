// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE parallel
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <renn/core/parallel.hpp>

#include "support/message_of.hpp"

using renn::Index;
using renn::detail::parallel_for;
using renn::detail::thread_count;
using renn::test::message_of;

BOOST_AUTO_TEST_CASE(threads_are_never_more_than_tasks_and_never_fewer_than_one) {
    BOOST_TEST(thread_count(4, 100) == 4);
    BOOST_TEST(thread_count(4, 3) == 3);
    BOOST_TEST(thread_count(4, 0) == 1);
    BOOST_TEST(thread_count(0, 1) == 1);
    BOOST_TEST(thread_count(0, 1000000) >= 1);
    BOOST_TEST(thread_count(-1, 1000000) == thread_count(0, 1000000));
}

BOOST_AUTO_TEST_CASE(every_task_runs_once_on_one_of_the_asked_for_workers) {
    for (int threads = 1; threads <= 8; ++threads) {
        for (const Index tasks : {0, 1, 2, 7, 100}) {
            std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
            std::atomic<bool> worker_fits{true};
            parallel_for(tasks, threads, [&](Index task, int worker) {
                ++runs[static_cast<std::size_t>(task)];
                if (worker < 0 || worker >= threads) worker_fits = false;
            });
            for (const auto& r : runs) BOOST_TEST(r == 1);
            BOOST_TEST(worker_fits);
        }
    }
}

BOOST_AUTO_TEST_CASE(one_thread_runs_tasks_in_order_on_the_caller) {
    std::vector<Index> order;
    const auto caller = std::this_thread::get_id();
    bool elsewhere = false;
    parallel_for(20, 1, [&](Index task, int) {
        order.push_back(task);
        elsewhere = elsewhere || std::this_thread::get_id() != caller;
    });
    BOOST_TEST(!elsewhere);
    BOOST_REQUIRE(order.size() == 20u);
    for (Index i = 0; i < 20; ++i) BOOST_TEST(order[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(an_error_reaches_the_caller_after_all_threads_are_joined) {
    for (const int threads : {1, 2, 4, 8}) {
        for (const Index bad : {0, 3, 99}) {
            std::atomic<int> running{0}, finished{0};
            const std::string text = message_of<std::runtime_error>([&] {
                parallel_for(100, threads, [&](Index task, int) {
                    ++running;
                    if (task == bad) {
                        --running;
                        throw std::runtime_error("task " + std::to_string(task));
                    }
                    std::this_thread::sleep_for(std::chrono::microseconds(50));
                    ++finished;
                    --running;
                });
            });
            BOOST_TEST(text == "task " + std::to_string(bad));
            BOOST_TEST(running == 0);
            BOOST_TEST(finished < 100);
        }
    }
}

BOOST_AUTO_TEST_CASE(of_several_errors_one_arrives_and_the_others_are_swallowed) {
    for (int repeat = 0; repeat < 20; ++repeat) {
        const std::string text = message_of<std::runtime_error>([] {
            parallel_for(64, 8,
                         [](Index, int worker) { throw std::runtime_error("worker " + std::to_string(worker)); });
        });
        BOOST_TEST(text.substr(0, 7) == "worker ");
    }
}

BOOST_AUTO_TEST_CASE(progress_is_told_by_the_caller_only_and_never_falls) {
    for (const int threads : {1, 2, 4}) {
        const auto caller = std::this_thread::get_id();
        Index last = 0;
        bool wrong = false;
        const bool done = parallel_for(
            200, threads, [](Index, int) {},
            [&](Index finished) {
                wrong = wrong || std::this_thread::get_id() != caller || finished < last || finished > 200;
                last = finished;
                return true;
            });
        BOOST_TEST(done);
        BOOST_TEST(!wrong);
        if (threads == 1) BOOST_TEST(last == 200);
    }
}

BOOST_AUTO_TEST_CASE(a_callback_that_waits_pauses_all_workers) {
    for (const int threads : {1, 2, 4}) {
        std::atomic<int> begun{0};
        int begun_meanwhile = 0, pauses = 0;
        parallel_for(
            2000, threads,
            [&](Index, int) {
                ++begun;
                std::this_thread::sleep_for(std::chrono::microseconds(20));
            },
            [&](Index finished) {
                if (pauses == 3 || finished == 2000) return true;
                ++pauses;
                std::this_thread::sleep_for(std::chrono::milliseconds(2));  // tasks that had begun end meanwhile
                const int before = begun;
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
                begun_meanwhile += begun - before;
                return true;
            });
        BOOST_TEST(begun == 2000);
        BOOST_TEST(begun_meanwhile == 0);
    }
}

BOOST_AUTO_TEST_CASE(cancelling_stops_handing_out_tasks_and_says_so) {
    for (const int threads : {1, 2, 4}) {
        std::atomic<int> runs{0};
        const bool done = parallel_for(
            100000, threads,
            [&](Index, int) {
                ++runs;
                std::this_thread::sleep_for(std::chrono::microseconds(10));
            },
            [&](Index) { return false; });
        BOOST_TEST(!done);
        BOOST_TEST(runs >= 1);
        BOOST_TEST(runs < 100000);
    }
}

BOOST_AUTO_TEST_CASE(an_error_in_progress_reaches_the_caller) {
    for (const int threads : {1, 3}) {
        const std::string text = message_of<std::logic_error>([&] {
            parallel_for(
                100, threads, [](Index, int) {}, [](Index) -> bool { throw std::logic_error("told too much"); });
        });
        // With several threads the caller may get no task, and then tells nothing.
        BOOST_TEST((text == "told too much" || (threads > 1 && text == "no error")));
    }
}
