// SPDX-License-Identifier: MIT
// playground/http/message.hpp - what a handler is given and gives back, whatever speaks HTTP around it.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace playground {

using Json = nlohmann::json;

class EventQueue;

/// A request that passed the guard and found its route.
struct Request {
    std::string method = {};                        ///< GET, POST, PUT, DELETE
    std::string path = {};                          ///< decoded, without the query
    std::map<std::string, std::string> query = {};  ///< decoded
    std::map<std::string, std::string> parts = {};  ///< what the route's {names} matched
    std::string content_type = {};
    std::string body = {};
    std::shared_ptr<const void> body_share = {};  ///< a large body's part of what those of all may take at once

    /// What a {name} of the route matched.
    const std::string& part(const std::string& name) const { return parts.at(name); }

    /// Takes the body away, to work on it longer than the answer takes; its share goes when it does.
    std::shared_ptr<const std::string> take_body();
    /// The body as a JSON object; throws HttpError 400 if it is none, 415 if it claims to be something else.
    Json json() const;
};

struct Response {
    unsigned status = 200;
    std::string type = "application/json";
    std::string body = {};
    std::string download_as = {};             ///< a file's name: the browser keeps the answer as a file
    std::string tag = {};                     ///< of a file that does not change: compared with what the browser has
    std::string allow = {};                   ///< of a 405: the methods there are
    std::shared_ptr<EventQueue> events = {};  ///< if set, the answer is this stream of events, without end
};

Response json_response(const Json& json, unsigned status = 200);

/// An answer that is not the one hoped for: its status, a word for programs, a sentence for people.
class HttpError : public std::runtime_error {
public:
    HttpError(unsigned status, std::string kind, const std::string& message)
        : std::runtime_error(message), status_(status), kind_(std::move(kind)) {}
    unsigned status() const noexcept { return status_; }
    const std::string& kind() const noexcept { return kind_; }

private:
    unsigned status_;
    std::string kind_;
};

Response error_response(unsigned status, const std::string& kind, const std::string& message);

/// JSON from a stranger. Throws HttpError 400 if it is none, or so deeply nested that copying it would exhaust the
/// stack.
Json parse_json(std::string_view text);

}  // namespace playground
