// SPDX-License-Identifier: MIT
#include "head.hpp"

#include <algorithm>

namespace playground {

void set_common(boost::beast::http::fields& head, std::string_view type) {
    using boost::beast::http::field;
    head.set(field::content_type, {type.data(), type.size()});
    head.set(field::cache_control, type == "application/json" ? "no-store" : "no-cache");
    // The hash is that of nothing: plotly adds an empty style element and fills it by script, which is not inline
    // style.
    head.set("Content-Security-Policy",
             "default-src 'none'; script-src 'self'; "
             "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src 'self' data: blob:; "
             "connect-src 'self'; "
             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    head.set("X-Content-Type-Options", "nosniff");
    head.set("X-Frame-Options", "DENY");
    head.set("Referrer-Policy", "no-referrer");
    head.set("Cross-Origin-Opener-Policy", "same-origin");
    head.set("Cross-Origin-Resource-Policy", "same-origin");
}

std::string harmless(std::string name) {
    std::ranges::replace_if(
        name,
        [](char c) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            return !letter && c != '.' && c != '-' && c != '_';
        },
        '_');
    return name;
}

}  // namespace playground
