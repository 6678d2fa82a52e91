// SPDX-License-Identifier: MIT
// support/message_of.hpp - the text of the error that a call throws, for tests that compare it.
#pragma once

#include <exception>
#include <string>

namespace renn::test {

/// what() of an E; anything else thrown, or nothing, gives a text that no test expects.
template <class E, class F>
std::string message_of(F&& call) {
    try {
        call();
    } catch (const E& e) {
        return e.what();
    } catch (const std::exception& e) {
        return std::string("another type of error: ") + e.what();
    }
    return "no error";
}

}  // namespace renn::test
