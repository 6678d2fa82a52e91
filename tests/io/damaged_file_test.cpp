// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE damaged_file
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <renn/io/save.hpp>
#include <renn/layers/dropout.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Dense;
using renn::FormatError;
using renn::MismatchError;
using renn::Network;
using renn::detail::FrameHead;
using renn::test::message_of;
using renn::test::ScratchFile;
using renn::test::small_net;
using renn::test::small_traced;
using Net = decltype(small_net());
using Traced = decltype(small_traced<renn::Sorted>());

namespace {

constexpr std::size_t head_bytes = sizeof(FrameHead);

std::string network_file() {
    const ScratchFile file;
    renn::save(file.path, small_net());
    return file.read();
}
std::string traced_file() {
    const ScratchFile file;
    renn::save(file.path, small_traced<renn::Sorted>(6));
    return file.read();
}

/// A file with this payload and a checksum that fits.
void write_payload(const ScratchFile& file, std::string_view content, const std::string& payload) {
    std::filesystem::remove(file.path);  // a new file: some file systems wait for the disk to replace one
    renn::detail::write_frame(file.path, content, sizeof(float), [&](std::ostream& out) { out << payload; });
}

template <class F>
void write_values(const ScratchFile& file, std::string_view content, F&& values) {
    renn::detail::write_frame(file.path, content, sizeof(float), [&](std::ostream& out) {
        cereal::BinaryOutputArchive ar(out);
        values(ar);
    });
}

/// The head changed and its checksum made to fit again.
template <class F>
std::string with_head(std::string bytes, F&& change) {
    FrameHead head;
    std::memcpy(&head, bytes.data(), head_bytes);
    change(head);
    head.head_checksum = renn::detail::checksum_of(&head, offsetof(FrameHead, head_checksum));
    std::memcpy(bytes.data(), &head, head_bytes);
    return bytes;
}

/// What loading does: "fine" with answers that can be asked for, or the error; a foreign error gets out.
template <class T>
std::string outcome(const std::string& path) {
    try {
        const T loaded = renn::load<T>(path);
        if constexpr (requires { loaded.store(); }) {
            const auto answer = loaded.retrace(renn::test::random_batch<float>(3, 1, 2), {.k = 2, .post = true});
            answer.top(3);
            if (!loaded.store().labels.empty()) answer.evidence();
        } else {
            loaded.predict(renn::test::random_batch<float>(3, 1, 2));
        }
    } catch (const renn::Error& e) {
        return e.what();
    }
    return "fine";
}

template <class T>
std::string message_of_load(const ScratchFile& file) {
    return message_of<FormatError>([&] { renn::load<T>(file.path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_that_are_not_ours_are_named_so) {
    const std::string start = "load: ";
    const ScratchFile file("a text that is long enough to be a head but is none, whoever may have written it down");
    BOOST_TEST(message_of_load<Net>(file) == start + file.path + ": not a renn file");
    const ScratchFile short_text("short");
    BOOST_TEST(message_of_load<Net>(short_text) == start + short_text.path + ": not a renn file");
    const ScratchFile empty;
    BOOST_TEST(message_of_load<Net>(empty) ==
               start + empty.path + ": truncated: got 0 bytes, expected 64 bytes or more");
    const std::string missing = empty.path + "_missing";
    BOOST_TEST(message_of<FormatError>([&] { renn::load<Net>(missing); }) == start + missing + ": cannot be opened");
    const std::string folder = std::filesystem::temp_directory_path().string();
    BOOST_TEST(message_of<FormatError>([&] { renn::load<Net>(folder); }).starts_with(start + folder));
}

BOOST_AUTO_TEST_CASE(a_file_cut_at_any_length_is_truncated) {
    const ScratchFile file;
    const auto cut_everywhere = [&file]<class T>(const std::string& whole, std::type_identity<T>) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            file.write(whole.substr(0, length));
            const std::string message = message_of_load<T>(file);
            BOOST_REQUIRE(message.starts_with("load: " + file.path + ": truncated: got " + std::to_string(length)));
        }
        file.write(whole + "x");
        BOOST_TEST(message_of_load<T>(file).starts_with("load: " + file.path + ": trailing bytes: got "));
    };
    cut_everywhere(network_file(), std::type_identity<Net>());
    cut_everywhere(traced_file(), std::type_identity<Traced>());
}

BOOST_AUTO_TEST_CASE(no_flipped_bit_goes_unnoticed) {
    const ScratchFile file;
    const auto flip_everywhere = [&file]<class T>(const std::string& whole, std::type_identity<T>) {
        for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
            std::string flipped = whole;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            file.write(flipped);
            const std::string message = message_of_load<T>(file);
            BOOST_REQUIRE(message.starts_with("load: " + file.path + ": "));
        }
    };
    flip_everywhere(network_file(), std::type_identity<Net>());
    flip_everywhere(traced_file(), std::type_identity<Traced>());
}

BOOST_AUTO_TEST_CASE(a_damaged_payload_and_a_damaged_head_are_told_apart) {
    const ScratchFile file;
    std::string bytes = network_file();
    bytes.back() ^= 1;
    file.write(bytes);
    BOOST_TEST(message_of_load<Net>(file) == "load: " + file.path + ": damaged: the checksum is wrong");
    bytes = network_file();
    bytes[40] ^= 1;
    file.write(bytes);
    BOOST_TEST(message_of_load<Net>(file) == "load: " + file.path + ": damaged head");
}

BOOST_AUTO_TEST_CASE(other_versions_and_byte_orders_are_named) {
    const ScratchFile file;
    file.write(with_head(network_file(), [](FrameHead& head) { head.version = 2; }));
    BOOST_TEST(message_of_load<Net>(file) ==
               "load: " + file.path + ": format version: got 2, expected at most 1; it is from a newer renn");
    for (const std::uint32_t version : {0U, 1000U, 0xffffffffU}) {
        file.write(with_head(network_file(), [version](FrameHead& head) { head.version = version; }));
        BOOST_TEST(message_of_load<Net>(file) ==
                   "load: " + file.path + ": format version: got " + std::to_string(version) + ", expected 1");
    }
    file.write(with_head(network_file(), [](FrameHead& head) { head.byte_order = 0x04030201; }));
    BOOST_TEST(message_of_load<Net>(file) == "load: " + file.path + ": written on a machine of the other byte order");
    file.write(with_head(network_file(), [](FrameHead& head) { std::memcpy(head.content, "\xff\x01zz", 5); }));
    BOOST_TEST(message_of_load<Net>(file) == "load: " + file.path + ": content: got something else, expected network");
    file.write(with_head(network_file(), [](FrameHead& head) { head.scalar_bytes = 8; }));
    BOOST_TEST(message_of<MismatchError>([&] { renn::load<Net>(file.path); }) ==
               "load: " + file.path + ": scalar: got float64, expected float32");
    file.write(with_head(network_file(), [](FrameHead& head) { head.payload_bytes = ~std::uint64_t{0}; }));
    BOOST_TEST(message_of_load<Net>(file).starts_with("load: " + file.path + ": truncated: got "));
}

BOOST_AUTO_TEST_CASE(lengths_that_cannot_be_are_refused_before_memory_is_asked_for) {
    const ScratchFile file;
    const std::string start = "load: " + file.path + ": archive: ";
    constexpr std::uint64_t absurd = std::uint64_t{1} << 60;
    for (const std::uint64_t length : {std::uint64_t{1000}, absurd, ~std::uint64_t{0}}) {
        write_values(file, "network", [&](auto& ar) { ar(length); });
        BOOST_TEST(message_of_load<Net>(file) == start + "length of an array: got " + std::to_string(length) +
                                                     " elements, expected at most what 8 bytes can hold");
    }
    using One = Network<Dense<float>>;
    const auto matrix = [&file](std::int64_t rows, std::int64_t cols) {
        write_values(file, "network", [=](auto& ar) {
            renn::detail::put(ar, std::string("[Dense]"));
            renn::detail::put(ar, std::string("dense1"));
            ar(std::int64_t{3}, std::int64_t{2}, rows, cols);
        });
        return message_of_load<One>(file);
    };
    for (const auto& [rows, cols] : {std::pair{-1L, 2L}, std::pair{2L, std::numeric_limits<long>::min()}}) {
        BOOST_TEST(matrix(rows, cols) == start + "shape of a matrix: got " + std::to_string(rows) + " x " +
                                             std::to_string(cols) + ", expected a possible one");
    }
    constexpr long most = std::numeric_limits<long>::max();
    for (const auto& [rows, cols] : {std::pair{most, most}, std::pair{most, 0L}, std::pair{0L, most},
                                     std::pair{1L << 32, 1L << 32}, std::pair{8L, 8L}}) {
        BOOST_TEST(matrix(rows, cols).starts_with(start + "length of an array: got "));
    }
    // Few bytes to a point, but each would get as much memory as all samples need.
    write_values(file, "traced", [](auto& ar) {
        renn::detail::put(ar, std::uint8_t{1});
        put(ar, small_net());
        renn::detail::put(ar, std::string("build"));
        renn::detail::put(ar, std::uint64_t{0});
        renn::detail::put(ar, std::uint64_t{100});
        for (int p = 0; p < 100; ++p) put(ar, renn::Point{"p", renn::Kind::pre, 0, 1, -1, {0}});
        renn::detail::put(ar, std::vector<std::uint64_t>(10000));
        for (int empty = 0; empty < 4; ++empty) renn::detail::put(ar, std::uint64_t{0});
        renn::detail::put(ar, renn::Batch<float>(0, 10000));
        renn::detail::put(ar, renn::Batch<float>(0, 0));
    });
    BOOST_TEST(message_of_load<Traced>(file).starts_with(start + "length of an array: got 3 elements"));
}

BOOST_AUTO_TEST_CASE(a_payload_that_says_impossible_things_under_a_valid_checksum_is_harmless) {
    const ScratchFile file;
    const auto change_everywhere = [&file]<class T>(const std::string& whole, std::string_view content,
                                                    std::type_identity<T>) {
        const std::string payload = whole.substr(head_bytes);
        for (std::size_t i = 0; i < payload.size(); ++i) {
            for (const int value : {0x01, 0xff}) {
                std::string changed = payload;
                changed[i] = static_cast<char>(value);
                write_payload(file, content, changed);
                const std::string what = outcome<T>(file.path);
                BOOST_REQUIRE(!what.empty());
            }
        }
        for (std::size_t length = 0; length < payload.size(); ++length) {
            write_payload(file, content, payload.substr(0, length));
            BOOST_REQUIRE(outcome<T>(file.path) != "fine");
        }
        write_payload(file, content, payload + "x");
        BOOST_TEST(outcome<T>(file.path) ==
                   "load: " + file.path + ": damaged: the payload does not end where it should");
    };
    change_everywhere(network_file(), "network", std::type_identity<Net>());
    change_everywhere(traced_file(), "traced", std::type_identity<Traced>());
}

BOOST_AUTO_TEST_CASE(constants_that_a_layer_refuses_are_a_format_error) {
    const ScratchFile file;
    write_values(file, "network", [](auto& ar) {
        renn::detail::put(ar, std::string("[Dropout]"));
        renn::detail::put(ar, std::string("dropout1"));
        ar(2.0);
    });
    BOOST_TEST(message_of_load<Network<renn::Dropout<float>>>(file) ==
               "load: " + file.path + ": Dropout: rate: got 2.000000, expected 0 or more, below 1");
    write_values(file, "network", [](auto& ar) {
        renn::detail::put(ar, std::string("[ReLU]"));
        renn::detail::put(ar, std::string("a/b"));
    });
    BOOST_TEST(message_of_load<Network<renn::ReLU<float>>>(file) ==
               "load: " + file.path + ": rename: name: got \"a/b\", expected a name without '/'");
}

BOOST_AUTO_TEST_CASE(a_file_appears_whole_and_leaves_nothing_beside_it) {
    const ScratchFile file;
    renn::save(file.path, small_net());
    const std::string first = file.read();
    renn::save(file.path, small_net(9));
    BOOST_TEST(file.read().size() == first.size());
    BOOST_TEST(file.read() != first);
    BOOST_TEST(!std::filesystem::exists(file.path + ".partial"));
}

BOOST_AUTO_TEST_CASE(a_write_that_fails_leaves_the_old_file) {
    const ScratchFile file("old");
    const auto large = small_traced<renn::Sorted>(4000);  // more than a stream's buffer
    const auto previous = std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    for (const rlim_t most : {rlim_t{0}, rlim_t{100}, rlim_t{20000}}) {
        const rlimit small{most, limit.rlim_max};
        setrlimit(RLIMIT_FSIZE, &small);
        const std::string of_network = message_of<FormatError>([&] { renn::save(file.path, small_net()); });
        const std::string of_traced = message_of<FormatError>([&] { renn::save(file.path, large); });
        setrlimit(RLIMIT_FSIZE, &limit);
        if (most < 20000) BOOST_TEST(of_network == "save: " + file.path + ": cannot be written (disk full?)");
        BOOST_TEST(of_traced == "save: " + file.path + ": cannot be written (disk full?)");
        if (most < 20000) BOOST_TEST(file.read() == "old");
        BOOST_TEST(!std::filesystem::exists(file.path + ".partial"));
    }
    std::signal(SIGXFSZ, previous);
    BOOST_TEST(outcome<Net>(file.path) == "fine");  // the one that had room
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_written_is_named) {
    const std::string nowhere = (std::filesystem::temp_directory_path() / "renn_no_such_folder" / "net").string();
    BOOST_TEST(message_of<FormatError>([&] { renn::save(nowhere, small_net()); }) ==
               "save: " + nowhere + ": cannot be created");
    const ScratchFile folder;
    std::filesystem::remove(folder.path);
    std::filesystem::create_directory(folder.path);
    BOOST_TEST(message_of<FormatError>([&] { renn::save(folder.path, small_net()); }) ==
               "save: " + folder.path + ": cannot be renamed into place");
    BOOST_TEST(!std::filesystem::exists(folder.path + ".partial"));
}

BOOST_AUTO_TEST_CASE(an_error_of_the_payload_leaves_no_partial_file) {
    const ScratchFile file("old");
    BOOST_CHECK_THROW(renn::detail::write_frame(file.path, "network", 4, [](std::ostream&) { throw 7; }), int);
    BOOST_TEST(file.read() == "old");
    BOOST_TEST(!std::filesystem::exists(file.path + ".partial"));
}
