// SPDX-License-Identifier: MIT
#include "message.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

namespace playground {
namespace {

/// How deep lists and objects are nested, of a text that may or may not be JSON.
std::size_t depth(std::string_view text) {
    std::size_t now = 0, deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            deepest = std::max(deepest, ++now);
        } else if (now > 0 && (c == ']' || c == '}')) {
            --now;
        }
    }
    return deepest;
}

}  // namespace

Response json_response(const Json& json, unsigned status) {
    // What is not UTF-8 (a tag from somebody's CSV) is replaced, not refused.
    return {.status = status, .body = json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Response error_response(unsigned status, const std::string& kind, const std::string& message) {
    return json_response({{"error", {{"kind", kind}, {"message", message}}}}, status);
}

Json parse_json(std::string_view text) {
    constexpr std::size_t deepest = 64;
    if (depth(text) > deepest) {
        throw HttpError(400, "malformed_json", "lists and objects are nested deeper than " + std::to_string(deepest));
    }
    Json value = Json::parse(text, nullptr, false);
    if (value.is_discarded()) throw HttpError(400, "malformed_json", "the body is not JSON");
    return value;
}

std::shared_ptr<const std::string> Request::take_body() {
    struct Kept {
        std::string body;
        std::shared_ptr<const void> share;
    };
    const auto kept = std::make_shared<const Kept>(Kept{std::move(body), std::move(body_share)});
    return {kept, &kept->body};
}

Json Request::json() const {
    if (content_type.substr(0, content_type.find(';')) != "application/json") {
        throw HttpError(415, "content_type", "expected a body of type application/json, got \"" + content_type + "\"");
    }
    Json value = parse_json(body);
    if (!value.is_object()) throw HttpError(400, "malformed_json", "the body is not a JSON object");
    return value;
}

}  // namespace playground
