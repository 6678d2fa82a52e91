// SPDX-License-Identifier: MIT
#include "guard.hpp"

#include <random>

namespace playground {
namespace {

/// Takes as long for a nearly right token as for any other.
bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
    return difference == 0;
}

}  // namespace

std::optional<Response> Guard::refuse(const Asker& asker) const {
    const std::string port = ":" + std::to_string(port_);
    const bool ours = asker.host == "127.0.0.1" + port || asker.host == "localhost" + port;
    if (!ours || asker.several) return error_response(403, "host", "this server answers to 127.0.0.1 only");
    if (!asker.origin.empty() && asker.origin != "http://" + std::string(asker.host)) {
        return error_response(403, "origin", "another site's page may not ask this server");
    }
    if (!asker.site.empty() && asker.site != "same-origin" && asker.site != "none") {
        return error_response(403, "origin", "another site's page may not ask this server");
    }
    if (asker.path.starts_with("/api") && !same(asker.token, token_)) {
        return error_response(401, "token", "open the address that the playground printed when it started");
    }
    return std::nullopt;
}

std::string random_token() {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::random_device random;
    std::string token;
    for (int i = 0; i < 43; ++i) token += letters[random() % letters.size()];
    return token;
}

}  // namespace playground
