// SPDX-License-Identifier: MIT
#include "target.hpp"

#include <algorithm>
#include <utility>

namespace playground {
namespace {

/// %41 and, in a query, + decoded; nothing if it is malformed.
std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = digit(text[i + 1]), low = digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            result += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            result += text[i] == '+' && plus_is_space ? ' ' : text[i];
        }
    }
    return result;
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
    if (text.empty() || text.front() != '/') return std::nullopt;
    const std::size_t mark = std::min(text.find('?'), text.size());
    auto path = decoded(text.substr(0, mark), false);
    if (!path || path->find('\0') != std::string::npos) return std::nullopt;
    Target target{std::move(*path), {}};
    std::string_view rest = text.substr(std::min(mark + 1, text.size()));
    while (!rest.empty()) {
        const std::string_view one = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        const std::size_t equal = std::min(one.find('='), one.size());
        const auto name = decoded(one.substr(0, equal), true);
        auto value = decoded(one.substr(std::min(equal + 1, one.size())), true);
        if (!name || !value) return std::nullopt;
        target.query[*name] = std::move(*value);
    }
    return target;
}

}  // namespace playground
