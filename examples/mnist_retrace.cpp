// SPDX-License-Identifier: MIT
// mnist_retrace - trains a network on handwritten digits and traces its predictions back to training images.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>
#include <renn/io/save.hpp>
#include <renn/network/network.hpp>
#include <renn/report/audit_page.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/profile_strips.hpp>
#include <renn/report/retrace_report.hpp>
#include <renn/retrace/audit.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/credibility.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/profiles.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/training/evaluate.hpp>

#include "support/digit_networks.hpp"
#include "support/digit_training.hpp"
#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/mnist_options.hpp"
#include "support/progress_bar.hpp"
#include "support/trust_charts.hpp"

namespace {

using Net = DigitMlp;
using Data = renn::Dataset<float>;

struct Seconds {
    double train = 0, record = 0, index = 0, retrace_per_sample = 0;
};

/// Most memory this program ever held, in bytes.
std::uint64_t peak_memory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

template <class Traced>
Traced train_and_record(const Options& options, const Data& train, Seconds& seconds) {
    Net net = make_digit_mlp(options.seed);
    const Watch training;
    train_digits(net, options, train);
    seconds.train = training.seconds();
    Traced traced(std::move(net));
    ProgressBar bar;
    const Watch watch;
    traced.record(train, {.threads = options.threads, .progress = bar.callback()});
    seconds.record = watch.seconds();
    return traced;
}

/// Reads a traced network; without --train its images are the first of the training images.
template <class Traced>
Traced load_traced(const Options& options, mnist::Digits& digits) {
    Traced traced = renn::load<Traced>(options.load);
    const auto& store = traced.store();
    if (options.train == 0 && store.samples() < digits.train.samples()) {
        digits.train = digits.train.first(store.samples());
    }
    const bool same = store.samples() == digits.train.samples() &&
                      std::equal(store.labels.begin(), store.labels.end(), digits.train.labels().begin()) &&
                      std::equal(store.ids.begin(), store.ids.end(), digits.train.ids().begin());
    if (!same) {
        throw renn::MismatchError(options.load + ": recorded with " + count_text(store.samples()) +
                                  " images that are not the " + count_text(digits.train.samples()) +
                                  " training images of " + digits.folder.string() + ": see --data and --train");
    }
    return traced;
}

/// Mean time from activations to votes and the 20 most voted sources, on one thread; the best of three rounds, as the
/// first one also fetches everything into the caches.
template <class Traced>
double time_retrace(const Traced& traced, const Data& test, const renn::RetraceOptions& options) {
    renn::Batch<float> x;
    test.inputs(0, std::min<renn::Index>(test.samples(), 200), x);
    const auto values = traced.activations(x);
    renn::VoteScratch scratch;
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 3; ++round) {
        const Watch watch;
        for (const auto& answer : traced.retrace_activations(values, options)) answer.top(20, scratch);
        best = std::min(best, watch.seconds());
    }
    return best / static_cast<double>(x.cols());
}

template <class Answer>
void print_row(const Data& test, renn::Index position, const Answer& answer) {
    std::printf("%7llu  %4d  %4d  %s ", static_cast<unsigned long long>(test.id(position)), answer.prediction(),
                test.label(position), answer.agreement() ? "  yes" : "   no");
    for (const double e : answer.evidence()) std::printf(" %3.0f", 100.0 * e);
    std::printf("\n        ");
    for (const renn::Source& s : answer.top(3)) {
        const std::string source = "  #" + std::to_string(s.id) + " is " + std::to_string(s.label) + ": " +
                                   renn::html::votes(s.votes) + " (" + renn::html::number(100.0 * s.share, 2) + " %)";
        std::printf("%-24s", source.c_str());
    }
    std::printf("\n");
}

template <class Answer>
nlohmann::ordered_json to_json(const Data& test, renn::Index position, const Answer& answer) {
    auto sources = nlohmann::ordered_json::array();
    for (const renn::Source& s : answer.top(20)) {
        sources.push_back({{"id", s.id}, {"votes", s.votes}, {"share", s.share}, {"label", s.label}});
    }
    const renn::Judgement said = renn::judge(answer);
    return {{"id", test.id(position)},     {"prediction", answer.prediction()}, {"label", test.label(position)},
            {"agreement", said.agreement}, {"evidence", said.evidence},         {"certainty", said.certainty},
            {"margin", said.margin},       {"sources", std::move(sources)}};
}

void write_json(const std::string& path, const nlohmann::ordered_json& content) {
    std::ofstream file(path);
    file << content.dump(2) << '\n';
    file.close();
    if (!file) throw renn::FormatError(path + ": cannot be written");
}

/// What the page shows of an image, after the views of the Interactive AI Playground.
renn::ReportDetail shown(const Options& options) {
    const auto most = std::numeric_limits<std::size_t>::max();
    const std::size_t neurons = options.neurons > 0 ? static_cast<std::size_t>(options.neurons) : most;
    if (options.view == "weighted") return {.layer_sources = 0, .neurons = 0};
    if (options.view == "layers") return {.layer_sources = 6, .neurons = std::min<std::size_t>(neurons, 6)};
    return {.layer_sources = 0, .neurons = neurons};
}

/// Test images that are not shown: every second one judges, the others are what credibility is calibrated with; at most
/// so many of each.
struct Parts {
    std::vector<renn::Index> judged, calibration;

    Parts(renn::Index samples, const std::vector<renn::Index>& shown, std::size_t most) {
        for (renn::Index i = 0; i < samples; ++i) {
            if (std::find(shown.begin(), shown.end(), i) != shown.end()) continue;
            auto& part = judged.size() <= calibration.size() ? judged : calibration;
            if (part.size() < most) part.push_back(i);
        }
    }
};

/// What can be said without a test image: profiles of the classes, findings about the training images.
template <class Traced>
void add_training_sections(renn::Page& page, const Traced& traced, const Data& train, const Options& options,
                           const renn::RetraceOptions& pre) {
    namespace html = renn::html;
    if (options.profiles) {
        const renn::ClassProfiles profiles = renn::class_profiles(traced);
        page.style(renn::profile_strip_style);
        page.section("What neurons do for each class", [&](std::ostream& out) {
            for (std::size_t c = 0; c < profiles.groups.size(); ++c) {
                out << "<article>\n<h3>Digit " << html::escape(profiles.groups[c]) << "</h3>\n";
                renn::write_profile_strips(out, profiles, c);
                out << "</article>\n";
            }
        });
    }
    if (options.audit > 0) {
        ProgressBar bar;
        const renn::SampleAudit audited =
            renn::audit_samples(traced, {.retrace = pre, .threads = options.threads, .progress = bar.callback()});
        page.add([&](std::ostream& out) {
            renn::write_audit(out, audited, train, {.samples = static_cast<std::size_t>(options.audit)});
        });
    }
}

template <class Policy>
void run(const Options& options, mnist::Digits digits) {
    using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, Policy>;
    namespace html = renn::html;
    const Data& train = digits.train;
    const Data& test = digits.test;
    std::printf("Data      %s\n          from %s\n", data_text(digits).c_str(), digits.folder.c_str());
    if (train.samples() < digits.available_train || test.samples() < digits.available_test) {
        std::printf("          of which %s and %s are used\n", count_text(train.samples()).c_str(),
                    count_text(test.samples()).c_str());
    }
    std::fflush(stdout);

    Seconds seconds;
    const Traced traced =
        options.load.empty() ? train_and_record<Traced>(options, train, seconds) : load_traced<Traced>(options, digits);
    if (!options.save.empty()) renn::save(options.save, traced);
    {
        ProgressBar bar;
        const Watch watch;
        traced.index().build(options.threads, bar.callback());
        seconds.index = watch.seconds();
    }

    const std::vector<std::int32_t> predicted = predictions(traced.network(), test);
    const double accuracy = part_correct(test, predicted);

    const renn::RetraceOptions pre{.k = options.k, .ties = options.ties};
    const renn::RetraceOptions on_page{
        .k = options.k, .ties = options.ties, .pre = options.kind != "post", .post = options.kind != "pre"};
    seconds.retrace_per_sample = time_retrace(traced, test, pre);

    const auto chosen = choose(test, predicted, static_cast<std::size_t>(options.evaluations));
    auto samples = nlohmann::ordered_json::array();
    renn::Page page("Which training images is this built on?",
                    "A network learned to read handwritten digits. The ones below are new to it. Beside each are the "
                    "training images that its answer rests on: those for which its neurons did almost the same.");
    renn::RetraceReport report(
        {.sample_name = "test image", .source_name = "training image", .detail = shown(options)});
    page.fact("Data", data_fact(digits));
    page.fact("Network", "784\u2013128\u2013128\u201310, ReLU");
    page.fact("Accuracy", html::number(100.0 * accuracy, 2) + "\u202f%");
    if (options.load.empty()) {
        page.fact("Training", html::seconds(seconds.train) + ", " + std::to_string(options.epochs) + " epochs");
        page.fact("Recording", html::seconds(seconds.record));
    }
    page.fact("Indexing", html::seconds(seconds.index));
    page.fact("One retrace", html::seconds(seconds.retrace_per_sample));
    page.fact("Store", html::bytes(traced.store().bytes()));

    const Watch measuring;
    const Parts parts(test.samples(), chosen, options.output.empty() ? 0 : 1000);
    std::optional<renn::Familiarity> familiarity;
    std::optional<renn::Credibility> credibility;
    Trust trust;
    if (!options.output.empty()) {
        const auto count = std::min<renn::Index>(1000, train.samples());
        familiarity.emplace(traced, train,
                            renn::FamiliarityOptions{
                                .retrace = pre, .samples = count, .seed = options.seed, .threads = options.threads});
    }
    if (!parts.calibration.empty()) {
        credibility.emplace(traced, test.select(parts.calibration), pre, options.threads);
    }
    const renn::RetraceOptions all_kinds{.k = options.k, .ties = options.ties, .post = true};
    renn::Batch<float> some;
    for (std::size_t first = 0; first < parts.judged.size(); first += 64) {
        const auto positions =
            std::span(parts.judged).subspan(first, std::min<std::size_t>(64, parts.judged.size() - first));
        test.inputs(positions, some);
        std::size_t next = 0;
        for (const auto& answer : traced.retrace_batch(some, all_kinds, options.threads)) {
            trust.add(answer, test.label(positions[next++]), 200);
        }
    }
    const double measuring_seconds = measuring.seconds();

    const Watch reporting;
    std::printf("\n   test  says  true  agree    evidence for each class in %%, and the sources with most votes\n%30s",
                "");
    for (int c = 0; c < test.classes(); ++c) std::printf("%4s", test.class_name(c).c_str());
    std::printf("\n");
    for (const renn::Index position : chosen) {
        const auto values = traced.activations(test.input(position));
        const auto answer = traced.retrace_activations(values, pre, 1).front();
        print_row(test, position, answer);
        if (!options.json.empty()) samples.push_back(to_json(test, position, answer));
        if (options.output.empty()) continue;
        auto query = renn::report_query(test, position);
        query.familiarity = (*familiarity)(answer);
        if (credibility) query.credibility = (*credibility)(answer).credibility_of(answer.prediction());
        const auto shown_answer = traced.retrace_activations(values, on_page, 1).front();
        report.add(options.units.empty() ? shown_answer : shown_answer.only(options.units), train, query);
    }
    if (!options.output.empty()) {
        report.add_to(page);
        if (trust.images() > 0) {
            page.section("How far to trust the sources", [&](std::ostream& out) { write_trust(out, trust); });
        }
        add_training_sections(page, traced, train, options, pre);
        page.write(options.output);
    }
    const double report_seconds = reporting.seconds();
    if (!options.json.empty()) {
        write_json(options.json, {{"accuracy", accuracy},
                                  {"seconds",
                                   {{"train", seconds.train},
                                    {"record", seconds.record},
                                    {"index", seconds.index},
                                    {"retrace_per_sample", seconds.retrace_per_sample}}},
                                  {"bytes", traced.store().bytes()},
                                  {"samples", std::move(samples)}});
    }

    const auto line = [](const char* name, const std::string& text) { std::printf("%-10s%s\n", name, text.c_str()); };
    std::printf("\n");
    line("Accuracy", html::number(100.0 * accuracy, 2) + " % of " + count_text(test.samples()) + " test images");
    if (options.load.empty()) {
        line("Training", html::seconds(seconds.train) + " for " + std::to_string(options.epochs) +
                             (options.epochs == 1 ? " epoch" : " epochs"));
        line("Recording", html::seconds(seconds.record) + " for " + count_text(train.samples()) + " images");
    } else {
        line("Loaded", options.load);
    }
    line("Indexing", html::seconds(seconds.index) + " for " + std::to_string(traced.index().units()) + " neurons, " +
                         std::string(Policy::name));
    line("Retrace", html::seconds(seconds.retrace_per_sample) + " an image: votes of all pre-activations, k = " +
                        std::to_string(options.k) + ", and the top 20");
    line("Memory", html::bytes(traced.store().bytes()) + " store, " + html::bytes(traced.index().bytes()) +
                       " index, at most " + html::bytes(peak_memory()) + " in all");
    if (!options.save.empty()) line("Saved", options.save);
    if (!options.output.empty()) {
        line("Measures", html::seconds(measuring_seconds) + ": certainty, familiarity, credibility of " +
                             count_text(std::ssize(parts.judged)) + " + " + count_text(std::ssize(parts.calibration)) +
                             " test images");
        line("Report", options.output + ": " + count_text(std::ssize(chosen)) + " images, " +
                           html::bytes(std::filesystem::file_size(options.output)) + ", in " +
                           html::seconds(report_seconds));
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("mnist_retrace", [&] {
        const std::optional<Options> options = parse(argc, argv);
        if (!options) return;
        mnist::Digits digits = mnist::load_or_find(options->data, argv[0], options->train, options->test);
        options->index == "sorted" ? run<renn::Sorted>(*options, std::move(digits))
                                   : run<renn::KdTree>(*options, std::move(digits));
    });
}
