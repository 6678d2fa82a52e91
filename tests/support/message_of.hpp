// SPDX-License-Identifier: MIT
// support/message_of.hpp - the text of the error that a call throws, for tests that compare it.
#pragma once

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

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

/// For BOOST_CHECK_EXCEPTION: whether the text of an error has `part` in it.
inline auto says(std::string part) {
    return [part = std::move(part)](const std::exception& e) {
        if (std::string(e.what()).find(part) != std::string::npos) return true;
        std::fprintf(stderr, "unexpected message: %s\n", e.what());
        return false;
    };
}

}  // namespace renn::test
