// SPDX-License-Identifier: MIT
#include <renn/renn.hpp>

const void* version_of_two() {
    return &renn::version;
}
