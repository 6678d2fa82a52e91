// SPDX-License-Identifier: MIT
// explain_mnist - trains a network on handwritten digits and explains what it says of new ones in two ways on one page:
// by the training images an answer rests on, and by the pixels, as many methods of attribution see them.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/class_activation_map.hpp>
#include <renn/attribution/deep_lift.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/guided_backprop.hpp>
#include <renn/attribution/integrated_gradients.hpp>
#include <renn/attribution/occlusion.hpp>
#include <renn/attribution/relevance/presets.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/attribution/simple_taylor.hpp>
#include <renn/attribution/smooth_gradient.hpp>
#include <renn/attribution/upsample.hpp>
#include <renn/evaluation/edge_map.hpp>
#include <renn/index/sorted.hpp>
#include <renn/io/save.hpp>
#include <renn/network/network.hpp>
#include <renn/report/attribution_view.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/retrace_report.hpp>
#include <renn/retrace/traced_network.hpp>

#include "support/digit_networks.hpp"
#include "support/digit_training.hpp"
#include "support/evaluation.hpp"
#include "support/method_checks.hpp"
#include "support/mnist.hpp"
#include "support/mnist_options.hpp"
#include "support/progress_bar.hpp"

namespace {

namespace html = renn::html;
using Data = renn::Dataset<float>;

struct ExplainOptions : DigitOptions {
    std::string network = "mlp", save, load;
    std::vector<std::int64_t> digits;
    std::int64_t explained = -1, checked = 40;
};

std::optional<ExplainOptions> parse_explain(int argc, char** argv) {
    CLI::App app(
        "Trains a network on handwritten digits and explains what it says of new ones: by the training images its\n"
        "answers rest on, and by their pixels, as many methods of attribution see them. Says which to believe.");
    ExplainOptions options;
    options.evaluations = 2;
    options.output = "explain_mnist.html";
    add_digit_options(app, options);
    app.add_option("--network", options.network, "784-128-128-10, or two convolutions of 16 and 32 channels")
        ->check(CLI::IsMember({"mlp", "cnn"}));
    app.add_option("--digits", options.digits, "numbers of the test images to explain, in place of --evaluations")
        ->delimiter(',');
    app.add_option("--class", options.explained, "whose logit is explained, -1 for the one that the network says")
        ->check(CLI::Range(-1, 9));
    app.add_option("--checked", options.checked, "test images that the checks of the methods are made with")
        ->check(CLI::Range(2, 10000));
    auto* save = app.add_option("--save", options.save, "file to keep the trained network in");
    app.add_option("--load", options.load, "trained network to use, of the same --network")->excludes(save);
    if (!read_options(app, options, argc, argv)) return std::nullopt;
    return options;
}

/// A method of attribution with what the page says of it. It is one itself, whatever it calls.
template <class Net>
struct Method {
    using S = typename Net::Scalar;
    renn::MethodText text;
    std::function<void(const Net&, const renn::BatchView<S>&, const renn::OutputTarget&,
                       renn::AttributionWorkspace<Net>&, renn::Attribution<S>&)>
        run;

    void operator()(const Net& net, const renn::BatchView<S>& x, const renn::OutputTarget& target,
                    renn::AttributionWorkspace<Net>& workspace, renn::Attribution<S>& result) const {
        run(net, x, target, workspace, result);
    }
};

/// Grad-CAM, made as large as the image.
struct LargeGradCam {
    renn::GradCam method;
    renn::Size2 from, to;

    template <class Net, class T, class S>
    void operator()(const Net& net, const renn::BatchView<S>& x, const T& target,
                    renn::AttributionWorkspace<Net>& workspace, renn::Attribution<S>& result) const {
        method(net, x, target, workspace, result);
        result.scores = renn::upsample(result.scores, from, to);
    }
};

/// No method at all: where the image changes.
struct Edges {
    template <class Net, class T, class S>
    void operator()(const Net&, const renn::BatchView<S>& x, const T&, renn::AttributionWorkspace<Net>&,
                    renn::Attribution<S>& result) const {
        result.scores = renn::edge_map(x, {1, 28, 28});
        result.gap.resize(0);
        result.warnings.clear();
    }
};

template <class Net>
std::vector<Method<Net>> make_methods() {
    namespace rules = renn::relevance;
    using Relevance = renn::RelevancePropagation;
    std::vector<Method<Net>> methods;
    const auto add = [&](const char* name, const char* meaning, auto method, bool one_sided = false) {
        methods.push_back({{.name = name, .meaning = meaning, .one_sided = one_sided}, std::move(method)});
    };
    add("Gradient", "How the value reacts if a pixel becomes a little brighter.", renn::Gradient{});
    add("Sensitivity", "The gradient squared: where the value reacts at all.", renn::Sensitivity{}, true);
    add("SmoothGrad", "The mean gradient of noisy copies of the image.", renn::SmoothGradient{});
    add("Gradient \u00d7 input", "The gradient times the pixel: black pixels get nothing.", renn::GradientTimesInput{});
    add("Integrated gradients", "The mean gradient on the way from black to this image, times the pixel.",
        renn::IntegratedGradients{.nodes = 30});
    add("DeepLIFT", "What each unit does beyond what it does for a black image, handed down to the pixels.",
        renn::DeepLiftRescale{});
    add("Simple Taylor", "What changed since the nearest image for which the value is 0, to first order.",
        renn::SimpleTaylor{.root = renn::RootPoint::nearest, .search = {.tolerance = 1e-4, .low = 0.0, .high = 1.0}});
    add("Occlusion", "How far the value falls if a square of 5 \u00d7 5 pixels turns black.",
        renn::Occlusion{.window = 5, .stride = 2});
    add("Guided backprop", "The gradient, of which each ReLU hands down only what is positive.",
        renn::GuidedBackprop{});
    add("Deconvnet", "The same, also through ReLUs that are switched off.", renn::Deconvnet{});
    add("LRP: epsilon", "Each unit hands its credit down in proportion to what it got from below.",
        Relevance{rules::Composite(rules::Epsilon{.of_rms = 0.25})});
    add("LRP: gamma", "The same, with more for what speaks for a unit.", Relevance{rules::Composite(rules::Gamma{})});
    add("LRP: alpha 2, beta 1", "Twice what speaks for a unit, less what speaks against it.",
        Relevance{rules::Composite(rules::AlphaBeta{})});
    add("LRP: z+", "Only what speaks for a unit counts.", Relevance{rules::Composite(rules::ZPlus{})});
    add("LRP: three parts", "Gamma in the lower layers, epsilon in the middle, plain shares at the top.",
        Relevance{rules::three_part({0.0}, {1.0})});
    add("Deep Taylor", "A Taylor expansion at each unit, with pixels that lie between black and white.",
        Relevance{rules::deep_taylor({0.0}, {1.0})});
    if constexpr (std::is_same_v<Net, DigitCnn>) {
        add("Grad-CAM", "The channels of the last convolution, weighted by their mean gradient, enlarged.",
            LargeGradCam{{.place = "relu2"}, 14, 28}, true);
    }
    add("Edges, as a control", "An edge detector that never saw the network: maps like this say nothing of it.",
        Edges{}, true);
    return methods;
}

/// Positions to explain: those asked for, else some that are told apart wrongly and some that are not.
std::vector<renn::Index> positions(const ExplainOptions& options, const Data& test,
                                   const std::vector<std::int32_t>& predicted) {
    if (options.digits.empty()) return choose(test, predicted, static_cast<std::size_t>(options.evaluations));
    for (const std::int64_t digit : options.digits) {
        if (digit < 0 || digit >= test.samples()) {
            refuse("--digits", std::to_string(digit), "0 to " + std::to_string(test.samples() - 1));
        }
    }
    return {options.digits.begin(), options.digits.end()};
}

/// What every method says of a digit.
template <class Net>
renn::AttributionView explain(const Net& net, const std::vector<Method<Net>>& methods, const Data& test,
                              renn::Index position, std::int32_t explained) {
    const renn::Batch<float> x = test.input(position);
    const auto target = renn::output(explained);
    renn::AttributionWorkspace<Net> workspace;
    renn::Attribution<float> result;
    renn::forward_to(net, x, target, workspace);
    renn::AttributionView view({.target = "the logit of " + test.class_name(explained),
                                .value = static_cast<double>(workspace.value[0]),
                                .image = test.image(),
                                .title = "Which pixels speak for " + test.class_name(explained) + "?",
                                .input_name = "The digit"},
                               x);
    for (const Method<Net>& method : methods) {
        method(net, x, target, workspace, result);
        view.add(method.text, result);
    }
    return view;
}

template <class Net>
void run(Net net, const ExplainOptions& options, const mnist::Digits& digits) {
    const Data &train_data = digits.train, &test = digits.test;
    std::printf("Data      %s\n", data_text(digits).c_str());
    std::fflush(stdout);
    const Watch training;
    if (options.load.empty()) {
        train_digits(net, options, train_data);
    } else {
        net = renn::load<Net>(options.load);
    }
    const double training_seconds = training.seconds();
    if (!options.save.empty()) renn::save(options.save, net);
    const std::vector<std::int32_t> predicted = predictions(net, test);
    const double accuracy = part_correct(test, predicted);
    const auto chosen = positions(options, test, predicted);

    // Convolutions are recorded as channels, by their largest value.
    renn::Selection selection;
    if constexpr (std::is_same_v<Net, DigitCnn>) selection.channels = {renn::Channels{.pool = renn::Pool::max}};
    renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted> traced(net, selection);
    ProgressBar bar;
    traced.record(train_data, {.threads = options.threads, .progress = bar.callback()});
    bar.wipe();

    std::vector<Method<Net>> methods = make_methods<Net>();
    const Watch checking;
    CheckSettings settings{.seed = options.seed};
    test.inputs(0, std::min<renn::Index>(options.checked, test.samples()), settings.x);
    const renn::Measurement random = random_flipping(net, settings);
    std::vector<MethodChecks> checks;
    for (const Method<Net>& method : methods) {
        checks.push_back(check_method(method.text.name, method, net, settings));
    }
    for (std::size_t m = 0; m + 1 < methods.size(); ++m) {  // the last is the control
        methods[m].text.verdicts = short_verdicts(checks[m], checks.back().flipping);
    }
    const double checking_seconds = checking.seconds();
    print_checks(checks, random);

    renn::RetraceReport report(
        {.sample_name = "test image", .source_name = "training image", .detail = {.sources = 8, .layers = false}});
    for (const renn::Index position : chosen) {
        const auto answer = traced.retrace(test.input(position), {.k = options.k, .post = true});
        report.add(answer, train_data, test, position);
        const auto explained =
            options.explained < 0 ? answer.prediction() : static_cast<std::int32_t>(options.explained);
        const renn::AttributionView view = explain(net, methods, test, position, explained);
        report.add_below([&](std::ostream& out) { renn::write_attributions(out, view); });
    }

    const auto line = [](const char* name, const std::string& text) { std::printf("%-10s%s\n", name, text.c_str()); };
    line("Accuracy", html::number(100.0 * accuracy, 2) + " % of " + count_text(test.samples()) + " test images");
    line(options.load.empty() ? "Training" : "Loading", html::seconds(training_seconds));
    line("Checks", html::seconds(checking_seconds) + " with " + count_text(settings.x.cols()) + " images");
    if (options.output.empty()) return;

    renn::Page page("Why does the network say so?",
                    "A network learned to read handwritten digits. Of each digit below, new to it, the page shows two "
                    "kinds of reasons: the training images its answer rests on, and the pixels that speak for it.");
    page.style(renn::heatmap_style);
    page.style(renn::attribution_style);
    page.fact("Data", data_fact(digits));
    page.fact("Network", std::is_same_v<Net, DigitCnn> ? "16 and 32 channels of 3 \u00d7 3, then dense"
                                                       : "784\u2013128\u2013128\u201310, ReLU");
    page.fact("Accuracy", html::number(100.0 * accuracy, 2) + "\u202f%");
    page.head(renn::write_attribution_key);
    report.add_to(page);
    page.section("Which methods to believe",
                 [&](std::ostream& out) { write_checks(out, checks, random, settings.x.cols()); });
    page.write(options.output);
    line("Report", options.output + ": " + count_text(std::ssize(chosen)) + " images, " +
                       html::bytes(std::filesystem::file_size(options.output)));
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("explain_mnist", [&] {
        const std::optional<ExplainOptions> options = parse_explain(argc, argv);
        if (!options) return;
        const mnist::Digits digits = mnist::load_or_find(options->data, argv[0], options->train, options->test);
        options->network == "cnn" ? run(make_digit_cnn(options->seed), *options, digits)
                                  : run(make_digit_mlp(options->seed), *options, digits);
    });
}
