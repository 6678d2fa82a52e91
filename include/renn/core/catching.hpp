// SPDX-License-Identifier: MIT
// renn/core/catching.hpp - keeps an error for later, where there are exceptions.
#pragma once

#include <exception>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// Runs work; what it throws goes to `caught`. Compiled without exceptions the first error has ended the program.
template <class Work, class Caught>
void catching(Work&& work, [[maybe_unused]] Caught&& caught) {
#ifdef __cpp_exceptions
    try {
        work();
    } catch (...) {
        caught(std::current_exception());
    }
#else
    work();
#endif
}

}  // namespace renn::inline RENN_ABI::detail
