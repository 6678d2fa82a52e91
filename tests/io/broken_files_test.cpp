// SPDX-License-Identifier: MIT
// labels: golden
#define BOOST_TEST_MODULE broken_files
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>

#include <renn/tracing/write_store.hpp>

#include "fuzz/loaders.hpp"
#include "support/message_of.hpp"
#include "support/scratch_file.hpp"

using renn::test::Loader;
namespace fs = std::filesystem;

namespace {

/// Whether the file can be loaded; a renn::Error is a no, anything else is let out.
bool loads(const Loader& loader, const fs::path& file) {
    try {
        loader.load(file.string());
    } catch (const renn::Error& e) {
        BOOST_TEST(std::string(e.what()).size() > 10U);
        return false;
    }
    return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_file_of_the_corpus_is_read_or_refused_with_an_error_of_ours) {
    const fs::path corpus = fs::path(RENN_GOLDEN_DEFAULT).parent_path() / "fuzz" / "corpus";
    for (const Loader& loader : renn::test::loaders) {
        int whole = 0, broken = 0;
        for (const auto& entry : fs::directory_iterator(corpus / loader.name)) {
            BOOST_TEST_CONTEXT(entry.path()) {
                try {
                    ++(loads(loader, entry.path()) ? whole : broken);
                } catch (const std::exception& e) {
                    BOOST_ERROR("another error: " << e.what());
                }
            }
        }
        BOOST_TEST_CONTEXT(loader.name) {
            BOOST_TEST(whole > 0);
            BOOST_TEST(broken > 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(few_bytes_do_not_become_much_memory) {
    const auto refused = [](std::string_view name, std::uint64_t elements, auto&& write) {
        const Loader& loader = *std::find_if(renn::test::loaders.begin(), renn::test::loaders.end(),
                                             [name](const Loader& l) { return l.name == name; });
        const renn::test::ScratchFile file;
        renn::detail::write_archive(file.path, loader.content, loader.scalar_bytes, write);
        const std::string message = renn::test::message_of<renn::FormatError>([&] { loader.load(file.path); });
        BOOST_TEST_CONTEXT(message) {
            BOOST_TEST(message.find(": length of an array: got " + std::to_string(elements)) != message.npos);
        }
    };
    refused("result", 300000, [](auto& ar) {
        renn::RetraceResult result;
        result.class_names.resize(300000);
        put(ar, result);
    });
    refused("result", 100000, [](auto& ar) {
        renn::RetraceResult result;
        result.layers.resize(100000);
        put(ar, result);
    });
    refused("sequential", 50000, [](auto& ar) {
        std::string kinds = "[[]";
        for (int i = 1; i < 50000; ++i) kinds += ", []";
        renn::detail::put(ar, kinds + "]");
    });

    // As many classes as a file may speak of, and a query that counts them where a rectifier holds samples at 0.
    const auto many = renn::test::traced_labels(60000);
    const renn::Batch<float> x = renn::Batch<float>::Constant(3, 1, -9.0f);
    const auto answer = many.retrace(x, {.k = 1, .pre = false, .post = true});
    BOOST_TEST(answer.evidence().size() == 60001U);
    BOOST_TEST(answer.evidence()[60000] > 0.0);
    BOOST_TEST(many.index().clipped().bytes() <= 6U * sizeof(std::uint64_t));
    const renn::test::ScratchFile file;
    renn::save(file.path, renn::test::traced_labels(65536));
    BOOST_TEST(renn::test::message_of<renn::FormatError>([&] { renn::test::load_traced(file.path); }) ==
               "load: " + file.path + ": store: label: got 65536, expected 0..65535");
    BOOST_CHECK_THROW(renn::write_store(file.path, renn::test::traced_labels(65536).store()), renn::DataError);

    std::string header = "{\"__metadata__\":{";
    for (int i = 0; i < 200000; ++i) header += "\"\":\"\",";
    header.back() = '}';
    header += '}';
    std::string length(8, '\0');
    for (std::size_t i = 0; i < 4; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 255);
    file.write(length + header);
    BOOST_TEST(renn::test::message_of<renn::FormatError>([&] { renn::read_safetensors(file.path); }) ==
               "read_safetensors: " + file.path + ": header has too many entries");
}
