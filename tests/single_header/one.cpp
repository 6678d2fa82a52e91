// SPDX-License-Identifier: MIT
#include <renn/all.hpp>

const void* version_of_two();
const void* version_of_library();
void fail_in_library();

int main() {
    // An inline variable is one object, and a type of error one type.
    if (&renn::version != version_of_two() || &renn::version != version_of_library()) return 1;
    try {
        fail_in_library();
    } catch (const renn::ShapeError&) {
        return 0;
    }
    return 2;
}
