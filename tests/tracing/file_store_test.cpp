// SPDX-License-Identifier: MIT
// labels: golden threads
#define BOOST_TEST_MODULE file_store
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <renn/io/save.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/data_fingerprint.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/write_store.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Batch, renn::Channels, renn::Dataset, renn::FileStore, renn::FormatError, renn::Index, renn::KdTree,
    renn::Kind, renn::MemoryStore, renn::MismatchError, renn::Point, renn::RetraceOptions, renn::Shape, renn::Sorted,
    renn::Ties, renn::detail::StoreHead, renn::test::message_of, renn::test::random_batch, renn::test::same_bits,
    renn::test::ScratchFile, renn::test::small_data, renn::test::small_net, renn::test::small_traced;
using Scalars = boost::mpl::list<float, double>;

namespace {

const std::vector<RetraceOptions> ways = {{.k = 7},
                                          {.k = 9, .pre = false, .post = true},
                                          {.k = 5, .ties = Ties::lowest_id, .post = true},
                                          {.k = 3, .post = true, .classes = {1}}};

/// Everything an answer says about a few queries.
template <class T>
auto answers(const T& traced, Index features, int queries = 3) {
    using S = typename T::Scalar;
    using Answer = typename T::Answer;
    std::vector<std::tuple<std::vector<double>, std::vector<renn::Source>, std::vector<double>, std::vector<double>,
                           renn::NeuronSources, std::size_t>>
        all;
    const auto add = [&all](const Answer& a) {
        const auto last = a.neurons() - 1;
        const auto top = a.top(4);
        const bool any = !top.empty();
        all.emplace_back(a.dense(), top, a.has_labels() ? a.evidence() : std::vector<double>(),
                         std::vector<double>{any ? a.votes(top[0].id) : 0.0, a.total()}, a.neuron(last),
                         any ? a.voters(top[0].id).size() : 0);
    };
    for (int q = 0; q < queries; ++q) {
        const Batch<S> x = random_batch<S>(features, 1, static_cast<std::uint64_t>(q) + 50);
        for (const RetraceOptions& options : ways) {
            if (!options.classes.empty() && traced.store().labels.empty()) continue;
            add(traced.retrace(x, options));
        }
        const std::uint64_t id = traced.store().ids[static_cast<std::size_t>(q)];
        add(traced.retrace_without_self(x, std::span(&id, 1), {.k = 6, .post = true}).front());
    }
    return all;
}

template <class Store>
auto table(const Store& store) {  // of everything but the values
    std::vector<std::tuple<std::uint64_t, int, int, std::string, double, Index>> rows;
    for (std::size_t i = 0; i < static_cast<std::size_t>(store.samples()); ++i) {
        rows.emplace_back(
            store.ids[i], store.labels.empty() ? -1 : store.labels[i],
            store.predictions.empty() ? -1 : store.predictions[i], store.tags.empty() ? "" : std::string(store.tags[i]),
            static_cast<double>(store.outputs.col(static_cast<Index>(i)).sum()), store.position_of(store.ids[i]));
    }
    return rows;
}

template <class A, class B>
void same_store(const A& a, const B& b) {
    using S = typename A::Scalar;
    BOOST_TEST((a.points == b.points));
    BOOST_TEST(a.class_names == b.class_names);
    BOOST_TEST(a.classes() == b.classes());
    BOOST_TEST(a.fingerprint == b.fingerprint);
    BOOST_TEST(a.build == b.build);
    BOOST_TEST(same_bits(a.first_input, b.first_input));
    BOOST_TEST((table(a) == table(b)));
    std::vector<S> one, other;
    for (std::uint32_t p = 0; p < a.points.size(); ++p) {
        if (!a.points[p].stored()) continue;
        for (std::uint32_t u = 0; u < a.points[p].units.size(); ++u) {
            for (Index d = 0; d < a.points[p].dimensions(); ++d) {
                const auto x = a.values({p, u}, d, one), y = b.values({p, u}, d, other);
                BOOST_TEST(std::equal(x.begin(), x.end(), y.begin(), y.end()));
                BOOST_TEST(b.value({p, u}, d, 3) == y[3]);
            }
        }
    }
}

void change(const std::string& path, std::uint64_t at, const void* bytes, std::size_t count) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
}

StoreHead head_of(const std::string& bytes) {
    StoreHead head;
    std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof(head));
    return head;
}

/// The file with checksums that fit what it says.
std::string forged(
    std::string bytes, const std::function<void(StoreHead&)>& edit = [](StoreHead&) {}) {
    StoreHead head = head_of(bytes);
    std::vector<std::uint64_t> sums;
    for (std::uint64_t at = 4096; at < head.table_offset; at += 65536) {
        sums.push_back(
            renn::detail::checksum_of(bytes.data() + at, std::min<std::uint64_t>(65536, head.table_offset - at)));
    }
    std::memcpy(bytes.data() + head.table_offset, sums.data(), 8 * sums.size());
    head.table_checksum = renn::detail::checksum_of(sums.data(), 8 * sums.size());
    edit(head);
    const auto page = renn::detail::head_page(head);
    return bytes.replace(0, page.size(), page.data(), page.size());
}

/// Foreign code with an image whose channels are neurons of one or of four dimensions.
constexpr Shape image{3, 4, 4};
constexpr auto eye = [](const auto& x, auto& probe) {
    probe.pre("image", x, image);
    probe.post("rectified", (x.array() - 0.2F).cwiseMax(0).matrix(), image);
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_store_gives_the_same_answers_from_its_file, S, Scalars) {
    for (const Index samples : {40, 5000}) {  // without and with two levels; one chunk and many
        const auto traced = small_traced<Sorted, S>(samples);
        const auto expected = answers(traced, 3);
        for (const bool sorted : {true, false}) {
            const ScratchFile file;
            BOOST_TEST(write_store(file.path, traced.store(), {.sorted = sorted, .threads = 3}));
            const auto store = FileStore<S>::open(file.path);
            same_store(traced.store(), store);
            BOOST_TEST((answers(renn::trace<Sorted>(small_net<S>(), store), 3) == expected));
            BOOST_TEST((answers(renn::trace<KdTree>(small_net<S>(), store), 3) == expected));
            store.verify();
            BOOST_TEST(store.checked_chunks() == store.chunks());

            const ScratchFile one, again;  // neither threads nor where the columns come from make a difference
            write_store(one.path, traced.store(), {.sorted = sorted});
            BOOST_TEST((one.read() == file.read()));
            write_store(again.path, store, {.sorted = sorted});
            BOOST_TEST((again.read() == file.read()));
            write_store(again.path, traced, {.sorted = sorted});
            BOOST_TEST((again.read() == file.read()));
        }
    }
}

BOOST_AUTO_TEST_CASE(channels_foreign_code_selected_units_and_no_labels_survive) {
    for (const Index cells : {1, 2}) {
        const renn::Selection selection{.units = {{"image", {2, 0}}}, .channels = {{.height = cells, .width = cells}}};
        auto traced = renn::trace<Sorted>(eye, {}, selection);
        traced.record(Dataset<float>(random_batch<float>(image.size(), 90, 3)), {.threads = 1});
        const ScratchFile file;
        write_store(file.path, traced.store());
        const auto store = FileStore<float>::open(file.path);
        same_store(traced.store(), store);
        BOOST_TEST((answers(renn::trace<Sorted>(eye, store), image.size()) == answers(traced, image.size())));
        const auto other = [](const auto& x, auto& probe) { probe.pre("image", (x.array() * 2).matrix(), image); };
        BOOST_CHECK_THROW(renn::trace<Sorted>(other, store), MismatchError);
    }
}

BOOST_AUTO_TEST_CASE(levels_made_in_pieces_are_what_they_are_said_to_be) {
    for (const std::uint32_t n : {1U, 63U, 64U, 1000U, 4096U, 70000U}) {
        std::vector<float> values(n);
        std::iota(values.begin(), values.end(), -5.0F);
        renn::detail::LevelMaker<float> maker(n);
        for (std::size_t i = 0; i < n; i += 777)
            maker.add(std::span(values).subspan(i, std::min<std::size_t>(777, n - i)));
        const renn::SearchLevels at(n);
        std::vector<float> expected;
        for (std::uint32_t level = 0; level < at.depth; ++level) {
            for (std::size_t i = at.stride(level); i <= n; i += at.stride(level)) expected.push_back(values[i - 1]);
            expected.resize(at.begin[level + 1], std::numeric_limits<float>::infinity());
        }
        BOOST_TEST((maker.levels() == expected));
        BOOST_TEST((Sorted::levels(renn::ColumnView<float>(values.data(), nullptr, n)) == expected));
        BOOST_TEST(
            renn::detail::column_layout(renn::detail::BlockKind::sorted, renn::ScalarKind::float32, n).level_values ==
            expected.size());
    }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_file_is_told_apart) {
    const ScratchFile file;
    const auto traced = small_traced<Sorted>(5000);
    const std::uint64_t data = data_fingerprint(small_data(5000));
    write_store(file.path, traced.store(), {.data = data});
    const std::string whole = file.read(), start = "load: " + file.path + ": ";
    const auto message = [&](const std::string& bytes) {
        file.write(bytes);
        return message_of<FormatError>([&] { FileStore<float>::open(file.path).verify(); });
    };
    const auto with_head = [&](const std::function<void(StoreHead&)>& edit) { return message(forged(whole, edit)); };
    const auto flipped = [&](std::uint64_t at) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ 4);
        return message(bytes);
    };
    const StoreHead head = head_of(whole);
    BOOST_TEST(message("a text, whoever wrote it") == start + "not a renn file");
    BOOST_TEST(message("") == start + "truncated: got 0 bytes, expected 4096 bytes or more");
    BOOST_TEST(message(whole + "x") == start + "trailing bytes: got " + std::to_string(whole.size() + 1) +
                                           " bytes, expected " + std::to_string(whole.size()) + " bytes");
    BOOST_TEST(message(whole.substr(0, 70000)) ==
               start + "truncated: got 70000 bytes, expected " + std::to_string(whole.size()) + " bytes");
    renn::save(file.path, small_net());
    BOOST_TEST(message(file.read()) == start + "content: got network, expected store");
    BOOST_TEST(with_head([](StoreHead& h) { h.version = 2; }) ==
               start + "format version: got 2, expected at most 1; it is from a newer renn");
    BOOST_TEST(with_head([](StoreHead& h) { h.version = 0; }) ==
               start + "format version: got 0, expected 1 or more; a format that this renn does not read any more");
    BOOST_TEST(with_head([](StoreHead& h) { h.byte_order = 0x04030201; }) ==
               start + "written on a machine of the other byte order");
    BOOST_TEST(with_head([](StoreHead& h) { h.table_offset = ~std::uint64_t{0} - 4095; }) ==
               start + "damaged: lengths that cannot be");
    BOOST_TEST(with_head([](StoreHead& h) { h.samples = std::uint64_t{1} << 40; }) ==
               start + "samples: got 1099511627776, expected 1 to 2^32 - 1");
    BOOST_TEST(with_head([](StoreHead& h) { h.samples += 1; }) ==
               start + "damaged description: a block of another length");
    BOOST_TEST(flipped(100) == start + "damaged head");
    BOOST_TEST(flipped(4000) == start + "damaged head");
    BOOST_TEST(flipped(whole.size() - 1) == start + "damaged: the table of checksums");
    BOOST_TEST(flipped(4096) == start + "damaged: the checksum of chunk 0 is wrong, in the description");
    BOOST_TEST(flipped(head.table_offset - 3).find("is wrong, in values of dense3 (pre-activation)") !=
               std::string::npos);

    file.write(whole);
    const auto open = [&](const renn::OpenOptions& options) {
        return message_of<MismatchError>([&] { FileStore<float>::open(file.path, options); });
    };
    BOOST_TEST(open({.network = renn::fingerprint(small_net()), .data = data}) == "no error");
    BOOST_TEST(open({.network = 1}).starts_with(start + "fingerprint of the store's network: got "));
    BOOST_TEST(open({.data = 1}) ==
               start + "fingerprint of the store's data: got " + std::to_string(data) + ", expected 1");
    BOOST_TEST(message_of<MismatchError>([&] { FileStore<double>::open(file.path); }) ==
               start + "scalar of the network: got float32, expected float64");
    BOOST_TEST(message_of<MismatchError>([&] {
                   renn::trace<Sorted>(small_net(9), FileStore<float>::open(file.path));
               }).find("the store was recorded with another network") != std::string::npos);
    BOOST_TEST(message_of<FormatError>([&] { FileStore<float>::open(file.path + "_missing"); }) ==
               "load: " + file.path + "_missing: cannot be opened: No such file or directory");
    BOOST_CHECK_THROW(FileStore<float>::open("."), FormatError);
}

BOOST_AUTO_TEST_CASE(no_byte_can_change_and_no_end_be_missing_without_an_error_or_the_same_answer) {
    const auto traced = small_traced<Sorted>(70);
    const auto expected = answers(traced, 3, 1);
    const ScratchFile file;
    write_store(file.path, traced.store());
    const std::string whole = file.read();
    const auto outcome = [&] {  // 0: detected, 1: the same answers, 2: others
        try {
            return answers(renn::trace<Sorted>(small_net(), FileStore<float>::open(file.path)), 3, 1) == expected ? 1
                                                                                                                  : 2;
        } catch (const FormatError&) {
            return 0;
        }
    };
    BOOST_TEST(outcome() == 1);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        const char flipped = static_cast<char>(whole[i] ^ (1 << (i % 8)));
        change(file.path, i, &flipped, 1);
        BOOST_REQUIRE(outcome() != 2);
        BOOST_REQUIRE_THROW(FileStore<float>::open(file.path).verify(), FormatError);
        change(file.path, i, &whole[i], 1);
    }
    for (std::size_t length = whole.size(); length-- > 0;) {
        std::filesystem::resize_file(file.path, length);
        BOOST_REQUIRE(message_of<FormatError>([&] {
                          FileStore<float>::open(file.path);
                      }).starts_with("load: " + file.path + ": truncated: got " + std::to_string(length)));
    }
}

BOOST_AUTO_TEST_CASE(impossible_things_under_right_checksums_are_harmless) {
    const auto traced = small_traced<Sorted>(70);
    const ScratchFile file;
    write_store(file.path, traced.store());
    const std::string whole = file.read();
    const StoreHead head = head_of(whole);
    int refused = 0;
#ifdef __SANITIZE_THREAD__
    const std::size_t step = 97;  // one thread runs here: each byte would take minutes and find nothing more
#else
    const std::size_t step = 1;
#endif
    for (std::size_t i = 4096; i < head.table_offset; i += step) {
        std::string changed = whole;
        changed[i] = static_cast<char>(i % 2 == 0 ? 0xff : 0x01);
        changed = forged(std::move(changed));
        change(file.path, 0, changed.data(), changed.size());
        try {
            const auto store = FileStore<float>::open(file.path);
            for (std::size_t s = 0; s < store.tags.size(); ++s) static_cast<void>(store.tags[s]);
            answers(renn::trace<Sorted>(small_net(), store), 3, 1);
            if (i % 8 == 0) answers(renn::trace<KdTree>(small_net(), store), 3, 1);
        } catch (const renn::Error&) {
            ++refused;
        }
    }
    BOOST_TEST(static_cast<std::size_t>(refused) > 1000 / step);
}

namespace {

/// One unit and many samples, as recording would leave them.
MemoryStore<float> ramp(Index samples) {
    MemoryStore<float> store;
    store.points = {Point{"dense1", Kind::pre, 0, 1, -1, {0}}};
    store.ids.resize(static_cast<std::size_t>(samples));
    std::iota(store.ids.begin(), store.ids.end(), std::uint64_t{0});
    store.outputs.resize(0, samples);
    store.fingerprint = renn::fingerprint(small_net());
    store.reserve(samples, 0);
    for (Index s = 0; s < samples; ++s) store.column(0, 0)[s] = static_cast<float>((s * 7919) % samples);
    store.index_ids();
    return store;
}

}  // namespace

BOOST_AUTO_TEST_CASE(damaged_levels_lead_to_an_error_or_to_the_right_place) {
    constexpr Index n = 1500000;  // so that the finest level has chunks of its own
    const ScratchFile file;
    write_store(file.path, ramp(n));
    const std::string whole = file.read();
    const auto layout = renn::detail::column_layout(renn::detail::BlockKind::sorted, renn::ScalarKind::float32, n);
    const std::uint64_t column = head_of(whole).table_offset - layout.bytes;
    const renn::SearchLevels levels(n);
    const std::uint64_t finest = column + layout.levels + 4 * levels.begin[levels.depth - 1];
    const auto index_of = [&] {
        const auto store = std::make_shared<const FileStore<float>>(FileStore<float>::open(file.path));
        return renn::NeuronIndex<FileStore<float>, Sorted>(store, std::vector<renn::Derivation<float>>(1), nullptr);
    };
    int detected = 0;
    for (int i = 0; i < 60; ++i) {
        const auto block = static_cast<std::uint64_t>(8000 + 200 * i);
        const double query = static_cast<double>(64 * block) + 30.25;
        const std::uint64_t at = finest + 4 * (block - static_cast<std::uint64_t>(i % 2)) + (i % 3 == 0 ? 3 : 2);
        const char flipped = static_cast<char>(whole[at] ^ (i % 3 == 0 ? 0x40 : 0x20));
        change(file.path, at, &flipped, 1);
        try {
            const auto index = index_of();
            const auto entry = index.entry({0, 0});
            const std::uint32_t place = entry.locator->position(entry.column, query);
            const renn::Window window = find_window(entry.column, query, 5, place);
            index.check_window(entry, query, 5, place, window, false);
            BOOST_REQUIRE(place == static_cast<std::uint32_t>(query + 1));
            BOOST_REQUIRE(index.store().checked_chunks() < 8);
        } catch (const FormatError&) {
            ++detected;
        }
        change(file.path, at, &whole[at], 1);
    }
    BOOST_TEST(detected > 20);
    const auto index = index_of();
    BOOST_TEST(index.entry({0, 0}).locator->position(index.entry({0, 0}).column, 12345.5) == 12346);
}

BOOST_AUTO_TEST_CASE(a_store_of_10_gb_is_opened_at_once_and_a_query_reads_a_little_of_it) {
    using namespace renn::detail;
    constexpr std::uint64_t n = 6000000, filled = 1024;
    constexpr std::uint32_t units = 200;
    renn::Network net(renn::Dense<float>(3, units));  // that puts out 500.3, 501.3, ...
    auto parameters = net.parameters();
    renn::for_each_block([](auto& block) { block.setZero(); }, parameters);
    StoreHead head("store");
    head.samples = n;
    StoreDescription<float> what;
    what.points = {Point{"dense1", Kind::pre, 0, units, -1, std::vector<std::uint32_t>(units)}};
    std::iota(what.points[0].units.begin(), what.points[0].units.end(), 0U);
    what.blocks = {{BlockKind::ids, 0, 0, 0}, {BlockKind::sorted, 0, 0, 0}};
    head.network = renn::fingerprint(net);
    lay_out(head, what);
    BOOST_TEST(head.file_bytes > 9700000000U);

    const ScratchFile file;
    std::filesystem::resize_file(file.path, head.file_bytes);  // zeros that take no room
    std::vector<std::uint64_t> touched;
    std::fstream out(file.path, std::ios::in | std::ios::out | std::ios::binary);
    const auto put = [&](std::uint64_t at, const auto& values) {
        out.seekp(static_cast<std::streamoff>(at));
        const std::uint64_t bytes = values.size() * sizeof(*values.data());
        out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(bytes));
        for (std::uint64_t c = (at - 4096) / 65536; c <= (at - 4096 + bytes - 1) / 65536; ++c) touched.push_back(c);
    };
    std::vector<float> values(filled);  // only the last values of each column are not 0
    std::vector<std::uint32_t> order(filled);
    std::vector<std::uint64_t> ids(filled);
    for (std::uint32_t i = 0; i < filled; ++i) {
        values[i] = static_cast<float>(i + 1);
        order[i] = static_cast<std::uint32_t>(n - filled) + (i * 77) % filled;
        ids[i] = n - filled + i;
    }
    put(4096, description_text(what));
    put(what.blocks[0].offset + 8 * (n - filled), ids);
    const ColumnLayout layout = column_layout(BlockKind::sorted, head.scalar, n);
    const renn::SearchLevels levels(n);
    for (std::uint32_t u = 0; u < units; ++u) {
        const std::uint64_t column = what.blocks[1].offset + u * layout.bytes;
        put(column + 4 * (n - filled), values);
        put(column + layout.order + 4 * (n - filled), order);
        for (std::uint32_t level = 0; level < levels.depth; ++level) {
            const std::uint64_t stride = levels.stride(level), first = (n - filled) / stride;
            std::vector<float> tail;
            for (std::uint64_t i = first; i < n / stride; ++i) {
                tail.push_back(values[(i + 1) * stride - 1 - (n - filled)]);
            }
            tail.resize(levels.begin[level + 1] - levels.begin[level] - first, std::numeric_limits<float>::infinity());
            put(column + layout.levels + 4 * (levels.begin[level] + first), tail);
        }
    }
    out.flush();
    std::string chunk(65536, '\0');
    std::vector<std::uint64_t> sums(chunk_count(head.table_offset), checksum_of(chunk.data(), chunk.size()));
    touched.push_back(sums.size() - 1);
    for (const std::uint64_t c : touched) {
        const std::uint64_t at = 4096 + c * 65536, bytes = std::min<std::uint64_t>(65536, head.table_offset - at);
        out.seekg(static_cast<std::streamoff>(at));
        out.read(chunk.data(), static_cast<std::streamsize>(bytes));
        sums[c] = checksum_of(chunk.data(), bytes);
    }
    out.seekp(static_cast<std::streamoff>(head.table_offset));
    out.write(reinterpret_cast<const char*>(sums.data()), static_cast<std::streamsize>(8 * sums.size()));
    head.table_checksum = checksum_of(sums.data(), 8 * sums.size());
    const auto page = head_page(head);
    out.seekp(0);
    out.write(page.data(), static_cast<std::streamsize>(page.size()));
    out.close();

    const auto store = FileStore<float>::open(file.path);
    BOOST_TEST(store.checked_chunks() == 1);
    const auto traced = renn::trace<Sorted>(net, store);
    renn::Activations<float> seen = traced.activations(renn::Column<float>::Zero(3));
    BOOST_TEST(traced.store().checked_chunks() < 8);
    const_cast<Batch<float>&>(seen.blocks()[0].values) = Batch<float>::Constant(units, 1, 700.3F);
    const auto answer = traced.retrace_activations(seen, {.k = 42}).front();
    const auto top = answer.top(3);
    BOOST_TEST(top[0].votes == 200.0);
    BOOST_TEST(top[0].id >= n - filled);
    BOOST_TEST(answer.neuron(7).neighbours[0].value == 700.0);
    BOOST_TEST(store.chunks() > 148000);
    const std::uint64_t unchecked_levels = units;  // of the finest, one each: right if they led to the right place
    BOOST_TEST(static_cast<double>(store.checked_chunks() + unchecked_levels) <
               0.01 * static_cast<double>(store.chunks()));
    BOOST_TEST_MESSAGE(store.checked_chunks() << " of " << store.chunks() << " chunks");
}

BOOST_AUTO_TEST_CASE(many_threads_may_be_first) {
    const auto traced = small_traced<Sorted>(5000);
    const auto expected = answers(traced, 3, 2);
    const ScratchFile file;
    write_store(file.path, traced.store());
    const auto shared = renn::trace<Sorted>(small_net(), FileStore<float>::open(file.path));
    std::vector<char> same(4, 0);
    std::vector<std::jthread> threads;
    for (char& one : same) threads.emplace_back([&] { one = answers(shared, 3, 2) == expected ? 1 : 0; });
    threads.clear();
    BOOST_TEST((same == std::vector<char>(4, 1)));
}

namespace {

/// Numbers that a file of today and one of ten years ago must give again: every one exact in binary.
MemoryStore<float> golden_store() {
    MemoryStore<float> store;
    constexpr Index n = 70;
    store.points = {
        Point{"dense1", Kind::pre, 0, 3, -1, {0, 2}},
        Point{"relu1", Kind::post, 0, 3, 0, {0, 2}},
        Point{"image", Kind::pre, 1, 8, -1, {0, 1}, {2, 2, 2}, {2, 1, 2}, renn::Pool::max},
    };
    store.class_names = {"no", "yes"};
    store.outputs.resize(2, n);
    store.fingerprint = 0x0123456789abcdef;
    store.build = "gcc 12, AVX2, float32";
    store.first_input = Batch<float>::Constant(3, 1, 0.5F);
    store.reserve(n, 0);
    for (Index s = 0; s < n; ++s) {
        store.ids.push_back((std::uint64_t{1} << 40) - static_cast<std::uint64_t>(3 * ((s * 31) % n)));
        store.labels.push_back(static_cast<std::int32_t>(s % 2));
        store.predictions.push_back(static_cast<std::int32_t>(s % 3 == 0));
        store.tags.push_back(s % 4 == 0 ? "" : "sample " + std::to_string(s));
        for (Index o = 0; o < 2; ++o) store.outputs(o, s) = static_cast<float>(s + 100 * o) / 8;
        for (Index c = 0; c < 2; ++c) store.column(0, c)[s] = static_cast<float>((s * 17 + c * 5) % 40 - 20) / 4;
        for (Index c = 0; c < 4; ++c) store.column(2, c)[s] = static_cast<float>((s * 13 + c * 7) % 64) / 16;
    }
    store.index_ids();
    return store;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_of_format_1_is_read_for_ever) {
    const std::string path = std::string(RENN_GOLDEN_DEFAULT) + "/format1/recording.store";
    const auto expected = golden_store();
    if (std::getenv("RENN_WRITE_GOLDEN") != nullptr) write_store(path, expected, {.data = 42});
    const auto store = FileStore<float>::open(path, {.network = expected.fingerprint, .data = 42});
    same_store(expected, store);
    store.verify();
    BOOST_TEST(!store.sorted({0, 1}).empty());
    BOOST_TEST(store.sorted({0, 1}).levels.size() == 16);
    BOOST_TEST(store.sorted({2, 0}).empty());
}
