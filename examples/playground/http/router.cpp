// SPDX-License-Identifier: MIT
#include "router.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <utility>

#include <nlohmann/json.hpp>

#include <renn/core/error.hpp>

namespace playground {
namespace {

/// What stands between the slashes: behind one at the end, an empty part.
std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = path.find('/');
        parts.emplace_back(path.substr(0, end));
        if (end == std::string_view::npos) return parts;
        path.remove_prefix(end + 1);
    }
}

bool is_name(const std::string& part) {
    return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
    return std::ranges::equal(pattern, path, [](const std::string& wanted, const std::string& got) {
        return is_name(wanted) ? !got.empty() : wanted == got;
    });
}

}  // namespace

void Router::add(std::string method, const std::string& pattern, Handler handler, std::uint64_t most_body) {
    routes_.push_back({std::move(method), split(pattern), std::move(handler), most_body});
}

std::uint64_t Router::most_body(std::string_view method, std::string_view path) const {
    const auto parts = split(path);
    for (const Route& route : routes_) {
        if (route.method == method && matches(route.parts, parts)) return route.most_body;
    }
    return 0;
}

std::vector<Router::Name> Router::routes() const {
    std::vector<Name> all;
    for (const Route& route : routes_) {
        std::string pattern;
        for (const std::string& part : route.parts) pattern += part + "/";
        pattern.pop_back();
        all.push_back({route.method, std::move(pattern)});
    }
    return all;
}

std::optional<Response> Router::refusal(std::string_view method, std::string_view path) const {
    const auto parts = split(path);
    std::string allowed;
    for (const Route& route : routes_) {
        if (!matches(route.parts, parts)) continue;
        if (route.method == method) return {};
        allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (allowed.empty()) return error_response(404, "not_found", "there is nothing at this address");
    Response refused = error_response(405, "method", "this address does not take " + std::string(method));
    refused.allow = std::move(allowed);
    return refused;
}

Response Router::dispatch(Request& request) const {
    const auto parts = split(request.path);
    for (const Route& route : routes_) {
        if (route.method != request.method || !matches(route.parts, parts)) continue;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const std::string& name = route.parts[i];
            if (is_name(name)) request.parts[name.substr(1, name.size() - 2)] = parts[i];
        }
        return route.handler(request);
    }
    return refusal(request.method, request.path).value();
}

Response Router::handle(Request& request) const noexcept {
    try {
        return dispatch(request);
    } catch (const HttpError& e) {
        return error_response(e.status(), e.kind(), e.what());
    } catch (const renn::Error& e) {
        return error_response(422, "refused", e.what());
    } catch (const Json::exception& e) {
        return error_response(400, "malformed_request", e.what());
    } catch (const std::bad_alloc&) {
        return error_response(507, "memory", "not enough memory for this");
    } catch (const std::exception& e) {
        return error_response(500, "internal", e.what());
    } catch (...) {
        return error_response(500, "internal", "unknown failure");
    }
}

}  // namespace playground
