// SPDX-License-Identifier: MIT
// The page of an audit: what it shows with and without labels and pictures, and that it is well formed.
#define BOOST_TEST_MODULE audit_page
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <renn/report/audit_page.hpp>
#include <renn/retrace/trace.hpp>

#include "support/beside_a_throw.hpp"
#include "support/message_of.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dataset;
using renn::Index;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

/// Every tag that is opened is closed, in order.
bool well_formed(const std::string& page) {
    std::vector<std::string> open;
    for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
        const bool closes = page[at + 1] == '/';
        const std::size_t begin = at + (closes ? 2 : 1);
        const std::string name = page.substr(begin, page.find_first_of(" >\n", begin) - begin);
        if (name == "meta" || name == "img" || name[0] == '!') continue;
        if (!closes) {
            open.push_back(name);
        } else if (open.empty() || open.back() != name) {
            return false;
        } else {
            open.pop_back();
        }
    }
    return open.empty();
}

template <class S>
std::string page_of(const renn::SampleAudit& audit, const Dataset<S>& data, const renn::AuditPage& page) {
    std::ostringstream out;
    write_audit_page(out, audit, data, page);
    return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(shows_every_list_with_pictures) {
    auto more = renn::test::small_data<float>(40).description();
    more.image = {1, 1, 3};
    more.class_names = {"<left>", "right"};
    const Dataset<float> data(renn::test::small_data<float>(40).values(), more);
    auto traced = renn::trace<renn::Sorted>(renn::test::small_net<float>());
    traced.record(data);
    const auto audit = audit_samples(traced, {.retrace = {.k = 4}});
    const std::uint64_t first = audit.worst(renn::Finding::label_conflict, 1)[0].id;
    const std::string page = page_of(audit, data,
                                     {.title = "A & B",
                                      .samples = 6,
                                      .note = [first](std::uint64_t id) { return id == first ? "<mine>" : ""; },
                                      .facts = {{"Data", "40 > 39"}}});
    BOOST_TEST(well_formed(page));
    BOOST_TEST(count(page, "<title>A &amp; B</title>") == 1U);
    BOOST_TEST(count(page, "40 &gt; 39") == 1U);
    BOOST_TEST(count(page, "&lt;mine&gt;") >= 1U);
    BOOST_TEST(count(page, "<left>") == 0U);
    BOOST_TEST(count(page, "<section id=") == 6U);
    BOOST_TEST(count(page, "href=\"#audit-") == 6U);
    BOOST_TEST(count(page, "<li><img ") == 5U * 6U + 2U * 6U);  // 13 groups of two, of which 6 are shown
    BOOST_TEST(count(page, "Duplicates <span>13</span>") == 1U);
    BOOST_TEST(count(page, "#" + std::to_string(first) + "<") >= 1U);
    BOOST_TEST(count(page, "<script") == 0U);

    std::ostringstream out;
    write_audit(out, audit, data, {.samples = 2, .findings = {renn::Finding::isolation}, .duplicates = false});
    BOOST_TEST(well_formed(out.str()));
    BOOST_TEST(count(out.str(), "<li>") == 2U);
    BOOST_TEST(renn::test::message_of<DataError>([&] {
                   page_of(audit, data.first(1), {});
               }).starts_with("Dataset::position_of: no sample has id"));
}

BOOST_AUTO_TEST_CASE(without_labels_and_pictures) {
    auto traced = renn::trace<renn::Sorted, double>([](const auto& x, auto& probe) { probe("values", x); });
    const Dataset<double> data(renn::test::random_batch<double>(2, 9, 1));
    traced.record(data);
    const std::string page = page_of(audit_samples(traced, {.retrace = {.k = 2}}), data, {});
    BOOST_TEST(well_formed(page));
    BOOST_TEST(count(page, "<section id=") == 4U);
    BOOST_TEST(count(page, "class=\"plain\"") == 4U);
    BOOST_TEST(count(page, "<img") == 0U);
    BOOST_TEST(count(page, "label-conflict") == 0U);
    BOOST_TEST(count(page, "No two samples are the same") == 1U);
    BOOST_TEST(well_formed(page_of(renn::SampleAudit(), data, {})));
}

BOOST_AUTO_TEST_CASE(what_is_left_out_stands_for_the_usual) {
    const Dataset<float> data = renn::test::small_data<float>(40);
    auto traced = renn::trace<renn::Sorted>(renn::test::small_net<float>());
    traced.record(data);
    const std::string page = page_of(audit_samples(traced, {.retrace = {.k = 4}}), data, {});
    BOOST_TEST(count(page, "<title>Which training samples to look at</title>") == 1U);
    BOOST_TEST(count(page, "href=\"#audit-") == 6U);
    BOOST_TEST(renn::test::outlives_a_throw_beside_it<renn::AuditPage>());
}
