// SPDX-License-Identifier: MIT
#include <renn/all.hpp>

const void* version_of_two() {
    return &renn::version;
}
