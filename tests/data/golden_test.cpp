// SPDX-License-Identifier: MIT
// labels: golden
#define BOOST_TEST_MODULE golden
#include <unistd.h>
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/golden.hpp"

using renn::Batch;
using renn::Index;
using renn::test::Array;
using renn::test::Golden;

namespace {

std::string why(const boost::test_tools::assertion_result& r) {
    const auto m = r.message();
    return std::string(m.begin(), m.end());
}

/// A folder of each dialect with one 2 x 3 array `a` of float64 and one int64 array `n`.
struct Folders {
    Folders() : root(std::filesystem::temp_directory_path() / ("renn_golden_" + std::to_string(getpid()))) {
        const std::string arrays =
            R"("arrays": [{"name": "a", "file": "a.npy", "shape": [2, 3], "dtype": "float64", "parameters": {"epsilon": 0.25},)"
            R"( "tolerance": {"rtol": 0.1, "atol": 0}},)"
            R"({"name": "wrong", "file": "n.npy", "shape": [3], "dtype": "int64", "tolerance": "exact"},)"
            R"({"name": "n", "file": "n.npy", "shape": [2], "dtype": "int64", "tolerance": )";
        add("each", R"({"parameters": {"k": 10, "columns": [0, 32]}, )" + arrays + R"("exact"}]})");
        add("whole", R"({"tolerance_rule": "over the whole array", )" + arrays + R"({"rtol": 0.0, "atol": 0.0}}]})");
    }
    ~Folders() { std::filesystem::remove_all(root); }

    void add(const std::string& folder, const std::string& manifest) const {
        std::filesystem::create_directories(root / folder);
        std::ofstream(root / folder / "manifest.json") << manifest;
        renn::write_npy((root / folder / "a.npy").string(), std::vector<double>{1, 2, 3, 4, 5, 100}, {2, 3});
        renn::write_npy((root / folder / "n.npy").string(), std::vector<std::int64_t>{7, 8}, {2});
    }

    std::filesystem::path root;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(arrays_come_in_the_orientation_asked_for, Folders) {
    const Golden g("each", root.string());
    const Array<double> a = g.array<double>("a");
    BOOST_TEST(a(1, 2) == 100);
    BOOST_TEST(*a.part({1}) == 4);
    BOOST_CHECK_THROW(a(2, 0), std::out_of_range);
    BOOST_CHECK_THROW(a(0), std::out_of_range);
    BOOST_TEST(g.batch<float>("a").rows() == 3);
    BOOST_TEST(g.batch<float>("a")(2, 1) == 100);
    BOOST_TEST(g.matrix<float>("a")(1, 2) == 100);
    BOOST_TEST(g.matrix<float>("n").rows() == 2);
    BOOST_TEST((g.vector<int>("n") == std::vector<int>{7, 8}));
    BOOST_TEST((g.shape("a") == std::vector<Index>{2, 3}));
    BOOST_TEST(g.parameter("k").get<int>() == 10);
    BOOST_TEST(g.parameter("a", "epsilon").get<double>() == 0.25);
    BOOST_TEST(g.names().size() == 3u);
    BOOST_TEST(g.has("n"));
    BOOST_CHECK_THROW(g.entry("nothing"), std::runtime_error);
    BOOST_CHECK_THROW(g.vector<int>("wrong"), std::runtime_error);  // manifest and file differ
    BOOST_CHECK_THROW(Golden("nowhere", root.string()), std::runtime_error);
}

BOOST_FIXTURE_TEST_CASE(the_tolerance_holds_for_each_entry_or_for_the_whole_array, Folders) {
    const Golden each("each", root.string()), whole("whole", root.string());
    std::vector<double> v{1, 2, 3, 4, 5, 109};
    BOOST_TEST(each.check("a", v));
    BOOST_TEST(whole.check("a", v));
    v[1] = 11;  // off by 9: within a tenth of 100, not of 2
    v[4] = 6;
    BOOST_TEST(whole.check("a", v));
    BOOST_TEST(why(each.check("a", v)) ==
               "a: 2 of 6 entries are off; first (0, 1) got 11, stored 2; worst (0, 1) got 11, stored 2; "
               "rtol 0.10000000000000001, atol 0");
    v[5] = NAN;
    BOOST_TEST(!each.check("a", v));
    BOOST_TEST(!whole.check("a", v));
    BOOST_TEST(each.check("n", std::vector<int>{7, 8}));
    BOOST_TEST(!each.check("n", std::vector<int>{7, 9}));
    BOOST_TEST(!whole.check("n", std::vector<int>{7, 9}));
    BOOST_TEST(each.check("n", std::vector<int>{7, 9}, {.rtol = 0, .atol = 1}));
}

BOOST_FIXTURE_TEST_CASE(what_is_compared_has_the_stored_shape, Folders) {
    const Golden g("each", root.string());
    BOOST_TEST(g.check("a", g.batch<float>("a")));
    BOOST_TEST(g.check("a", g.array<float>("a")));
    BOOST_TEST(why(g.check("a", g.matrix<double>("a"))) == "a: shape: got (3, 2), stored (2, 3)");
    BOOST_TEST(why(g.check("a", std::vector<int>(5))) == "a: shape: got (5), stored (2, 3)");
    BOOST_TEST(g.check("n", renn::Column<float>(Eigen::Vector2f(7, 8))));
    BOOST_TEST(!g.check("n", Eigen::RowVector2f(7, 8)));
}

BOOST_AUTO_TEST_CASE(every_array_of_the_shipped_folders_is_read_and_equals_itself) {
    for (const std::string folder : {"tda/model", "tda/renn"}) {
        const Golden g(folder);
        BOOST_TEST(!g.names().empty());
        for (const std::string& name : g.names()) {
            BOOST_TEST(g.check(name, g.array<double>(name)));
            BOOST_TEST(g.check(name, g.batch<double>(name)));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_stored_network_gives_the_stored_activations) {
    const Golden g("tda/model");
    const auto widths = g.parameter("widths").get<std::vector<Index>>();
    Batch<double> a = g.batch<double>("test_images") / 255.0;
    Batch<double> pre(0, a.cols());
    for (std::size_t l = 1; l < widths.size(); ++l) {
        const std::string n = std::to_string(l);
        const Batch<double> z =
            (g.matrix<double>("ckpt3_W" + n) * a).colwise() + g.matrix<double>("ckpt3_b" + n).col(0);
        BOOST_REQUIRE(z.rows() == widths[l]);
        pre.conservativeResize(pre.rows() + z.rows(), Eigen::NoChange);
        pre.bottomRows(z.rows()) = z;
        a = z.cwiseMax(0.0);
    }
    BOOST_TEST(g.check("test_pre", pre));
}
