// SPDX-License-Identifier: MIT
// labels: threads long_running
#define BOOST_TEST_MODULE journal
#include <sys/wait.h>
#include <unistd.h>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <renn/tracing/data_fingerprint.hpp>
#include <renn/tracing/estimate.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/journal.hpp>
#include <renn/tracing/record_to_file.hpp>
#include <renn/tracing/write_store.hpp>

#include "support/allocations.hpp"
#include "support/faulty_system.hpp"
#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Batch, renn::DataError, renn::Dataset, renn::FormatError, renn::Index, renn::MismatchError, renn::Progress,
    renn::RecordFileOptions, renn::test::FaultySystem, renn::test::message_of, renn::test::same_bits,
    renn::test::ScratchFile, renn::test::small_data, renn::test::small_net;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// A path for a store, and all that recording into it may leave.
struct StorePath : ScratchFile {
    StorePath() { std::filesystem::remove(path); }
    ~StorePath() {
        for (const char* end :
             {".recording", ".recording.partial", ".partial", ".runs", ".order", ".ids", ".ids.runs"}) {
            std::filesystem::remove(path + end);
        }
    }
    std::string journal() const { return path + ".recording"; }
    bool exists() const { return std::filesystem::exists(path); }
    bool has_journal() const { return std::filesystem::exists(journal()); }
    std::string journal_bytes() const {
        std::ifstream in(journal(), std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    }
    void write_journal(std::string_view bytes) const {
        for (const std::string& old : {path, journal()}) std::filesystem::remove(old);  // see ScratchFile::write
        std::ofstream(journal(), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
};

/// What every recording into a file must leave: the file of a recording in memory.
template <class S>
std::string expected_bytes(const Dataset<S>& data, const renn::Selection& selection = {}) {
    const StorePath file;
    renn::write_store(file.path, *renn::record(small_net<S>(), data, selection), {.data = renn::data_fingerprint(data)},
                      FaultySystem());
    return file.read();
}

template <class S>
bool record(const StorePath& file, const Dataset<S>& data, const RecordFileOptions& options = {.segment = 16},
            const FaultySystem& system = {}, const renn::Selection& selection = {}) {
    return static_cast<bool>(renn::record_to_file(small_net<S>(), data, file.path, options, selection, system));
}

/// A callback that cancels a phase once so much of it is done.
auto cancel_at(std::string_view phase, std::uint64_t done) {
    return [=](const Progress& p) { return p.phase != phase || p.done < done; };
}

/// Samples of a journal, which must be a prefix of what recording in memory gives.
template <class S>
Index prefix(const std::string& journal, const renn::MemoryStore<S>& all) {
    const auto read = renn::read_journal<S>(journal).store;
    const auto n = static_cast<std::size_t>(read.samples());
    BOOST_REQUIRE(n <= all.ids.size());
    bool same = n == 0 || (read.points == all.points && same_bits(read.outputs, all.outputs.leftCols(read.samples())));
    same = same && read.fingerprint == all.fingerprint;
    for (std::size_t i = 0; i < n; ++i) {
        same = same && read.ids[i] == all.ids[i] && read.labels[i] == all.labels[i] && read.tags[i] == all.tags[i] &&
               read.predictions[i] == all.predictions[i];
    }
    for (std::uint32_t p = 0; p < all.points.size() && n > 0; ++p) {
        for (std::uint32_t u = 0; all.points[p].stored() && u < all.points[p].units.size(); ++u) {
            const auto mine = read.values({p, u}), whole = all.values({p, u});
            same = same && std::memcmp(mine.data(), whole.data(), n * sizeof(S)) == 0;
        }
    }
    BOOST_TEST(same);
    return read.samples();
}

/// Runs work in a child process; what it exits with, or minus the signal that ended it.
template <class Work>
int in_child(Work&& work, std::int64_t kill_after_us = -1) {
    const pid_t child = fork();
    if (child == 0) {
        int result = 99;
        try {
            result = work();
        } catch (...) {
        }
        _exit(result);
    }
    if (kill_after_us >= 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(kill_after_us));
        kill(child, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::uint64_t peak_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
    }
    return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_file_is_that_of_a_recording_in_memory, S, Scalars) {
    const auto data = small_data<S>(700);
    const std::string expected = expected_bytes(data);
    for (int threads = 1; threads <= 8; ++threads) {
        for (const Index batch : {1, 7, 64, 1000}) {
            for (const Index segment : {0, 3, 100, 700}) {
                if (segment == 3 && batch != 7) continue;
                const StorePath file;
                BOOST_TEST(record(file, data, {.batch = batch, .threads = threads, .segment = segment}));
                BOOST_TEST((file.read() == expected), threads << " threads, " << batch << ", " << segment);
                BOOST_TEST(!file.has_journal());
            }
        }
    }
    const renn::Selection some{.layers = {"dense1", "relu1"}, .units = {{"dense1", {3, 1}}}, .every = 3};
    const StorePath file;
    BOOST_TEST(record(file, data, {.batch = 5, .threads = 2, .segment = 32}, {}, some));
    BOOST_TEST((file.read() == expected_bytes(data, some)));
    const auto store = renn::FileStore<S>::open(file.path);
    store.verify();
    BOOST_TEST(store.samples() == 234);
}

BOOST_AUTO_TEST_CASE(a_stream_gives_the_same_file) {
    const auto tagged = small_data<float>(300);
    const Dataset<float> data(tagged.inputs(), {.labels = {tagged.labels().begin(), tagged.labels().end()},
                                                .ids = {tagged.ids().begin(), tagged.ids().end()},
                                                .class_names = {"left", "right"}});
    struct Stream {
        renn::DatasetStream<float> next;
        std::vector<std::string> names{"left", "right"};
        bool operator()(renn::SampleBatch<float>& batch) { return next(batch); }
        const std::vector<std::string>& class_names() const { return names; }
    };
    const std::string expected = expected_bytes(data);
    const auto run = [](const StorePath& file, const Dataset<float>& from, Index batch, RecordFileOptions options) {
        options.data = 0;
        Stream stream{renn::batches(from, batch)};
        return renn::record_stream_to_file<float>(small_net(), stream, file.path, options, {}, FaultySystem());
    };
    std::string of_stream;
    for (const Index batch : {1, 13, 300}) {
        const StorePath file;
        BOOST_TEST(run(file, data, batch, {.batch = 9, .threads = 2, .segment = 40}).finished);
        BOOST_TEST((file.read().substr(8192) == expected.substr(8192)));  // the head says that the data are not known
        of_stream = file.read();
        const StorePath again;
        const auto half = run(again, data, batch, {.progress = cancel_at("recording", 130), .segment = 40});
        BOOST_TEST(!half.finished);
        BOOST_TEST(message_of<MismatchError>([&] {
                       run(again, small_data<float>(300).first(90), 7, {});
                   }).ends_with("got other ones, expected those of the interrupted recording"));
        const auto rest = run(again, data, batch + 1, {.segment = 11});
        BOOST_TEST(rest.finished);
        BOOST_TEST(rest.resumed == half.samples);
        BOOST_TEST((again.read() == of_stream));
    }
}

BOOST_AUTO_TEST_CASE(a_cancelled_recording_is_resumed) {
    const auto data = small_data<float>(200);
    const std::string expected = expected_bytes(data);
    const auto all = renn::record(small_net(), data);
    for (const auto& [phase, done] : std::vector<std::pair<std::string_view, std::uint64_t>>{
             {"recording", 0}, {"recording", 100}, {"recording", 200}, {"writing", 1}, {"writing", 11}}) {
        const StorePath file;
        for (int again = 0; again < 2; ++again) {
            BOOST_TEST(!record(file, data, {.threads = 2, .progress = cancel_at(phase, done), .segment = 16}));
            BOOST_TEST(!file.exists());
            BOOST_TEST(!std::filesystem::exists(file.path + ".partial"));
            prefix<float>(file.journal(), *all);
        }
        const bool any = prefix<float>(file.journal(), *all) > 0;
        BOOST_TEST(record(file, data, {.progress = cancel_at("checking", 0)}) != any);
        BOOST_TEST(record(file, data));
        BOOST_TEST((file.read() == expected));
    }
}

BOOST_AUTO_TEST_CASE(a_recording_of_something_else_is_not_resumed) {
    const StorePath file;
    const auto data = small_data<float>(60);
    BOOST_TEST(!record(file, data, {.progress = cancel_at("recording", 30), .segment = 8}));
    const auto refused = [&](const auto& call) {
        const std::string text = message_of<MismatchError>(call);
        BOOST_TEST(text.starts_with("load: " + file.journal() + ": "));
        return text.substr(text.find(".recording: ") + 12);
    };
    BOOST_TEST(refused([&] {
                   renn::record_to_file(small_net(9), data, file.path);
               }).starts_with("fingerprint of the network of the interrupted recording: got "));
    BOOST_TEST(refused([&] { record(file, small_data<float>(61)); }).starts_with("number of samples"));
    Batch<float> other = data.inputs();
    other(0, 59) += 1.0F;
    BOOST_TEST(refused([&] {
                   record(file, Dataset<float>(other, data.description()));
               }).starts_with("fingerprint of the data"));
    BOOST_TEST(refused([&] { record(file, data, {}, {}, {.pre = false}); }).starts_with("selection"));
    BOOST_TEST(refused([&] { renn::read_journal<double>(file.journal()); }) == "scalar: got float32, expected float64");
    BOOST_TEST(record(file, small_data<float>(61), {.resume = false}));
    BOOST_TEST((file.read() == expected_bytes(small_data<float>(61))));
    const std::string foreign = "not one of ours, but of somebody who would miss it";
    file.write_journal(foreign);
    BOOST_TEST(message_of<FormatError>([&] { record(file, data); }) == "load: " + file.journal() + ": not a renn file");
    const Dataset<float> twice(Batch<float>(Batch<float>::Zero(3, 2)));
    BOOST_TEST(message_of<DataError>([&] {
                   record(file, data, {.budget = 1000, .resume = false});
               }).starts_with("record: budget: got 1000 bytes, expected "));
    BOOST_TEST(std::filesystem::file_size(file.journal()) == foreign.size());  // told before anything is written
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_cut_or_damaged_gives_a_prefix_or_a_typed_error) {
    const auto data = small_data<float>(60);
    const std::string expected = expected_bytes(data);
    const auto all = renn::record(small_net(), data);
    const StorePath file;
    BOOST_TEST(!record(file, data, {.progress = cancel_at("writing", 1), .segment = 16}));
    const std::string whole = file.journal_bytes();
    const auto begin =
        renn::detail::aligned(4096 + renn::detail::JournalReader<float>(file.journal()).head().description_bytes);
    Index last = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        file.write_journal(whole.substr(0, length));
        if (length < begin) {
            BOOST_TEST(message_of<FormatError>([&] {
                           renn::read_journal<float>(file.journal());
                       }).starts_with("load: " + file.journal() + ": "));
        } else {
            const Index samples = prefix<float>(file.journal(), *all);
            BOOST_TEST((samples >= last && samples <= last + 16 && samples < 60));
            last = samples;
            if (length % 97 != 0) continue;
            BOOST_TEST(record(file, data));
            BOOST_TEST((file.read() == expected), "cut to " << length);
        }
    }
    std::size_t refused = 0, dropped = 0, harmless = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
        file.write_journal(bytes);
        bool read = true;
        try {
            const Index samples = prefix<float>(file.journal(), *all);
            ++(samples < 60 ? dropped : harmless);
        } catch (const renn::Error&) {
            ++refused;
            read = false;
        }
        if (!read || at % 61 != 0) continue;
        BOOST_TEST(record(file, data));
        BOOST_TEST((file.read() == expected), "byte " << at);
    }
    BOOST_TEST(refused >= 4096 + 100);  // the head and the description
    BOOST_TEST(dropped > whole.size() - refused - 4 * 2 * 64);
    BOOST_TEST(harmless < 4 * 64);  // padding behind segments
}

BOOST_AUTO_TEST_CASE(whatever_call_to_the_system_fails_the_recording_can_be_resumed) {
    const auto data = small_data<float>(48);
    const std::string expected = expected_bytes(data);
    const auto all = renn::record(small_net(), data);
    int failed = 0;
    for (const auto& [cause, fault] : {std::pair(ENOSPC, FaultySystem::error), std::pair(EIO, FaultySystem::error),
                                       std::pair(0, FaultySystem::interrupted), std::pair(0, FaultySystem::part)}) {
        bool struck = true;
        for (int number = 0; struck; ++number) {
            const StorePath file;
            const FaultySystem system(number, cause, fault);
            bool done = false;
            try {
                done = record(file, data, {.threads = 1 + number % 2, .segment = 16}, system);
            } catch (const FormatError& error) {
                const std::string text = error.what();
                BOOST_TEST(text.find(file.path.substr(0, file.path.rfind('/'))) != std::string::npos, text);
                BOOST_TEST(text.ends_with(std::strerror(cause)), text);
                ++failed;
            }
            struck = system.struck();
            BOOST_TEST((fault == FaultySystem::error || done));
            if (done) {
                BOOST_TEST((file.read() == expected));
                continue;
            }
            if (file.exists()) BOOST_TEST((file.read() == expected));
            if (file.has_journal()) prefix<float>(file.journal(), *all);
            BOOST_TEST(record(file, data));
            BOOST_TEST((file.read() == expected), "call " << number);
            BOOST_TEST(!file.has_journal());
        }
    }
    BOOST_TEST(failed > 60);
}

BOOST_AUTO_TEST_CASE(more_than_the_budget_is_sorted_on_disk) {
    const Index samples = 300000;  // 33 MB of values and their order
    const auto net = small_net();
    const auto chunk = [](Index first, Index count, Batch<float>& to) {
        to.resize(3, count);
        for (Index j = 0; j < count; ++j) {
            for (Index i = 0; i < 3; ++i) to(i, j) = static_cast<float>((first + j) * (7 + i) % 1009) / 100 - 5;
        }
    };
    const auto stream = [&chunk, at = Index(0)](renn::SampleBatch<float>& batch) mutable {
        const Index count = std::min<Index>(1000, samples - at);
        if (count == 0) return false;
        chunk(at, count, batch.inputs);
        for (Index j = at; j < at + count; ++j)
            batch.ids.push_back(static_cast<std::uint64_t>(samples) - static_cast<std::uint64_t>(j));
        at += count;
        return true;
    };
    const auto run = [&](const StorePath& to, const RecordFileOptions& options) {
        auto next = stream;
        return static_cast<bool>(renn::record_stream_to_file<float>(net, next, to.path, options, {}, FaultySystem()));
    };
    const StorePath reference, file;
    BOOST_TEST(run(reference, {.threads = 2}));
    const auto plan = renn::estimate(net, samples, {}, {.threads = 2});
    BOOST_TEST(plan.passes == 1);
    const std::uint64_t budget = plan.least_budget + (std::uint64_t{3} << 20);
    BOOST_TEST(budget < plan.bytes_on_disk / 2);
    BOOST_TEST(renn::estimate(net, samples, {}, {.budget = budget}).passes > 1);
    BOOST_TEST(in_child([&] {
                   const std::uint64_t before = peak_bytes();
                   const bool done = run(file, {.threads = 2, .budget = budget});
                   const std::uint64_t taken = peak_bytes() - before;
                   if (taken > budget)
                       std::fprintf(stderr, "%zu of %zu bytes\n", std::size_t(taken), std::size_t(budget));
                   return !done ? 1 : taken > budget && renn::test::counts_allocations ? 2 : 0;
               }) == 0);
    BOOST_TEST((file.read() == reference.read()));
    BOOST_TEST(message_of<DataError>([&] {
                   run(file, {.budget = std::uint64_t{6} << 20});
               }).starts_with("record: budget: got 6291456 bytes, expected "));
}

BOOST_AUTO_TEST_CASE(lengths_of_files_are_known_beforehand) {
    for (const Index samples : {1, 16, 1000}) {
        for (const bool sorted : {true, false}) {
            const StorePath file;
            const auto data = small_data<float>(samples);
            const RecordFileOptions options{.progress = cancel_at("writing", 1), .segment = 16, .sorted = sorted};
            const auto plan = renn::estimate(small_net(), data, {}, options);
            BOOST_TEST(!record(file, data, options));
            BOOST_TEST(std::filesystem::file_size(file.journal()) == plan.journal_bytes);
            BOOST_TEST(record(file, data, {.sorted = sorted}));
            BOOST_TEST(std::filesystem::file_size(file.path) == plan.bytes_on_disk);
            BOOST_TEST(plan.memory <= options.budget);
        }
    }
    const auto large = renn::estimate(small_net(), Index{1000000000});
    BOOST_TEST(large.bytes_on_disk > 11 * std::uint64_t{8000000000});
    BOOST_TEST(large.memory <= std::uint64_t{256} << 20);
    BOOST_TEST(large.least_budget < std::uint64_t{256} << 20);
}

// RENN_KILLS=500 kills more.
BOOST_AUTO_TEST_CASE(killed_at_any_moment_a_recording_is_resumed_to_the_same_bytes) {
    const auto data = small_data<float>(20000);
    const std::string expected = expected_bytes(data);
    const auto all = renn::record(small_net(), data);
    const char* wanted = std::getenv("RENN_KILLS");
    const int kills = wanted != nullptr ? std::atoi(wanted) : 40;
    const auto work = [&data](const StorePath& file) {
        return [&data, &file] { return record(file, data, {.threads = 2, .segment = 500}) ? 0 : 1; };
    };
    std::int64_t whole = 0;  // microseconds of a recording that nobody kills
    {
        const StorePath file;
        const auto start = std::chrono::steady_clock::now();
        BOOST_REQUIRE(in_child(work(file)) == 0);
        whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
    }
    std::uint64_t random = 12345;
    int killed = 0, recording = 0, finishing = 0, resumed = 0;
    while (killed < kills) {
        const StorePath file;
        for (int times = 0; killed < kills && times < 8; ++times) {  // the resumed recording is killed, too
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            const int ended =
                in_child(work(file), static_cast<std::int64_t>((random >> 33) % static_cast<std::uint64_t>(whole)));
            if (ended == 0) {
                resumed += times > 0 ? 1 : 0;
                break;
            }
            BOOST_REQUIRE(ended == -SIGKILL);
            ++killed;
            if (file.exists()) BOOST_TEST((file.read() == expected));
            if (!file.has_journal()) continue;
            const Index samples = prefix<float>(file.journal(), *all);
            ++(samples < data.samples() ? recording : finishing);
        }
        resumed += file.has_journal() ? 1 : 0;
        BOOST_TEST(record(file, data));
        BOOST_TEST((file.read() == expected));
    }
    BOOST_TEST_MESSAGE(killed << " kills: " << recording << " while recording, " << finishing << " while finishing; "
                              << resumed << " recordings resumed to the end");
    BOOST_TEST(resumed > 0);
}
