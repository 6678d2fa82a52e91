// SPDX-License-Identifier: MIT
#include <renn/renn.hpp>

const void* version_of_two();

int main() {
    return &renn::version == version_of_two() ? 0 : 1;
}  // an inline variable is one object
