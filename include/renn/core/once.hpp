// SPDX-License-Identifier: MIT
// renn/core/once.hpp - work that is done once, by whoever needs it first.
#pragma once

#include <atomic>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// Runs work once, whoever comes first, others wait; where it throws, the next may try again. Four bytes, as every
/// query looks at hundreds of them. (std::call_once would hang then under the thread sanitizer.)
class Once {
public:
    template <class Work>
    void run(Work&& work) {
        if (state_.load(std::memory_order_acquire) == done) return;
        while (!begin()) {
            if (state_.load(std::memory_order_acquire) == done) return;
            state_.wait(busy, std::memory_order_acquire);
        }
        Claim claim{state_};
        work();
        claim.outcome = done;
    }

private:
    static constexpr int idle = 0, busy = 1, done = 2;

    struct Claim {
        std::atomic<int>& state;
        int outcome = idle;
        ~Claim() {
            state.store(outcome, std::memory_order_release);
            state.notify_all();
        }
    };

    bool begin() noexcept {
        int expected = idle;
        return state_.compare_exchange_strong(expected, busy, std::memory_order_acquire);
    }

    std::atomic<int> state_{idle};
};

}  // namespace renn::inline RENN_ABI::detail
