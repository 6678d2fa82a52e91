// SPDX-License-Identifier: MIT
// expect: renn::Network: this type is not a renn::Layer
#include <renn/network/network.hpp>

const renn::Network wrong(3, 4.0);
