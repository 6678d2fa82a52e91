// SPDX-License-Identifier: MIT
// support/html.hpp - what tests look for in a page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace renn::test {

inline std::size_t count(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
    return n;
}
inline bool contains(std::string_view text, std::string_view part) {
    return count(text, part) > 0;
}

/// Every tag that is opened is closed, in order.
inline bool balanced(const std::string& page) {
    const std::vector<std::string> alone{"meta", "img", "br", "!DOCTYPE"};
    std::vector<std::string> open;
    for (std::size_t at = page.find('<'); at != page.npos; at = page.find('<', at + 1)) {
        const bool closing = page[at + 1] == '/';
        const std::size_t begin = at + (closing ? 2 : 1);
        const std::string name = page.substr(begin, page.find_first_of(" >\n", begin) - begin);
        if (std::find(alone.begin(), alone.end(), name) != alone.end()) continue;
        if (page[page.find('>', begin) - 1] == '/') continue;  // of SVG
        if (!closing) {
            open.push_back(name);
        } else if (open.empty() || open.back() != name) {
            BOOST_TEST_MESSAGE("closed without having been opened: " << name << " at " << at);
            return false;
        } else {
            open.pop_back();
        }
    }
    return open.empty();
}

}  // namespace renn::test
