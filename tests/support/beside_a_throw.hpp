// SPDX-License-Identifier: MIT
// Options that are left out where what is initialised beside them throws.
#pragma once

#include <stdexcept>

namespace renn::test {

/// g++ 12 destroys members in nested braces twice then, which ends the program if they hold memory.
template <class Options>
bool outlives_a_throw_beside_it() {
    struct Both {
        Options options;
        int other;
    };
    const auto refuse = []() -> int { throw std::invalid_argument("other"); };
    try {
        const Both both{{}, refuse()};
        return both.other != both.other;
    } catch (const std::invalid_argument&) {
        return true;
    }
}

}  // namespace renn::test
