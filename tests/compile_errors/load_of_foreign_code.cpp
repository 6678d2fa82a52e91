// SPDX-License-Identifier: MIT
// expect: renn::load: foreign code is not in a file
#include <renn/io/save.hpp>
#include <renn/retrace/trace.hpp>

void wrong() {
    auto traced = renn::trace([](const auto& x, auto& probe) { probe("x", x); });
    renn::load<decltype(traced)>("mine.renn");
}
