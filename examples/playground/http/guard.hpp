// SPDX-License-Identifier: MIT
// playground/http/guard.hpp - who may ask: this machine's own page with the token of the start address, nobody else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "message.hpp"

namespace playground {

/// What of a request's head decides whether it is answered.
struct Asker {
    std::string_view path, host, origin, site, token;  ///< path: decoded; site: Sec-Fetch-Site
    bool several = false;                              ///< one of them was given twice
};

/// Keeps out what a stranger's page could send from the user's browser: the host must be this server by its loopback
/// name (a name that was rebound to 127.0.0.1 is not), an origin, if told, this server's, and everything under /api
/// needs the token. The page itself holds no secret.
class Guard {
public:
    Guard(unsigned short port, std::string token) : port_(port), token_(std::move(token)) {}

    /// Nothing if the request may pass, else the answer to it.
    std::optional<Response> refuse(const Asker& asker) const;

private:
    unsigned short port_;
    std::string token_;
};

/// 256 random bits, in letters that a URL takes.
std::string random_token();

}  // namespace playground
