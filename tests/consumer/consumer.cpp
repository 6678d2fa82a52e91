// SPDX-License-Identifier: MIT
#include <renn/renn.hpp>

int main() {
    return renn::version[0] == '0' + RENN_VERSION_MAJOR ? 0 : 1;
}
