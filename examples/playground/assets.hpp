// SPDX-License-Identifier: MIT
// playground/assets.hpp - the page's files, put into the program when it is built.
#pragma once

#include <map>
#include <string>

#include "http/server.hpp"

namespace playground {

/// By path: "/index.html", "/js/app.js".
std::map<std::string, Asset> assets();

}  // namespace playground
