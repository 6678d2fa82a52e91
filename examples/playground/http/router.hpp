// SPDX-License-Identifier: MIT
// playground/http/router.hpp - which handler answers which method and path.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "message.hpp"

namespace playground {

/// Handlers run on several threads at once, may move what the request holds, and may throw: HttpError as it is, renn's
/// errors as 422, others as 500.
class Router {
public:
    using Handler = std::function<Response(Request&)>;
    static constexpr std::uint64_t small_body = std::uint64_t{1} << 20;

    /// add("POST", "/api/sessions/{session}/train", handler): a {name} matches one part of the path, not empty.
    void add(std::string method, const std::string& pattern, Handler handler, std::uint64_t most_body = small_body);

    /// Largest body that the request's route takes; 0 for a path that has no route.
    std::uint64_t most_body(std::string_view method, std::string_view path) const;

    struct Name {
        std::string method, pattern;
    };
    /// All there are.
    std::vector<Name> routes() const;

    /// 404 for an unknown path, 405 for another method; none where a route takes it.
    std::optional<Response> refusal(std::string_view method, std::string_view path) const;

    /// Answers, whatever happens: 404 for an unknown path, 405 for another method.
    Response handle(Request& request) const noexcept;

private:
    struct Route {
        std::string method;
        std::vector<std::string> parts;
        Handler handler;
        std::uint64_t most_body;
    };
    std::vector<Route> routes_;

    Response dispatch(Request& request) const;
};

}  // namespace playground
