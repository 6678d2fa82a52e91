// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE playground_guard
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

#include "http/guard.hpp"

namespace {

using playground::Asker;
using playground::Guard;

const Guard guard(8137, "secret");

unsigned status(const Asker& asker) {
    const auto refused = guard.refuse(asker);
    return refused ? refused->status : 200;
}

/// What the page's own script sends.
Asker own(std::string_view host = "127.0.0.1:8137") {
    return {.path = "/api/sessions", .host = host, .origin = {}, .site = "same-origin", .token = "secret"};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_page_itself_may_ask) {
    BOOST_TEST(status(own()) == 200U);
    BOOST_TEST(status(own("localhost:8137")) == 200U);
    auto asker = own();
    asker.origin = "http://127.0.0.1:8137";
    BOOST_TEST(status(asker) == 200U);
    // Typed into the address bar, and the files of the page, which hold no secret.
    BOOST_TEST(status({.path = "/", .host = "127.0.0.1:8137", .origin = {}, .site = "none", .token = {}}) == 200U);
}

BOOST_AUTO_TEST_CASE(a_name_rebound_to_this_machine_may_not) {
    for (const char* host :
         {"", "127.0.0.1", "localhost", "127.0.0.1:80", "127.0.0.1:81370", "evil.example:8137", "[::1]:8137",
          "127.0.0.1:8137.evil.example", "evil.example@127.0.0.1:8137", "127.0.0.1:8137 ", "0.0.0.0:8137"}) {
        auto asker = own(host);
        BOOST_TEST(status(asker) == 403U, host);
        asker.path = "/";
        BOOST_TEST(status(asker) == 403U, host);
    }
    auto asker = own();
    asker.several = true;
    BOOST_TEST(status(asker) == 403U);
}

BOOST_AUTO_TEST_CASE(another_sites_page_may_not) {
    for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1:8137", "http://127.0.0.1:8138",
                               "http://localhost:8137", "http://127.0.0.1:8137.evil.example"}) {
        auto asker = own();
        asker.origin = origin;
        BOOST_TEST(status(asker) == 403U, origin);
    }
    for (const char* site : {"cross-site", "same-site", "anything"}) {
        auto asker = own();
        asker.site = site;
        BOOST_TEST(status(asker) == 403U, site);
    }
}

BOOST_AUTO_TEST_CASE(nobody_may_without_the_token) {
    for (const char* token : {"", "secre", "secret2", "Secret", "secreu"}) {
        auto asker = own();
        asker.token = token;
        BOOST_TEST(status(asker) == 401U, token);
    }
    for (const char* path : {"/api/about", "/api", "/apix"}) {
        auto asker = own();
        asker.path = path;
        asker.token = "";
        BOOST_TEST(status(asker) == 401U, path);
    }
}

BOOST_AUTO_TEST_CASE(tokens_differ_and_fit_into_an_address) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string token = playground::random_token();
        BOOST_TEST(token.size() == 43U);
        BOOST_TEST(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
                   std::string::npos);
        seen.insert(token);
    }
    BOOST_TEST(seen.size() == 100U);
}
