// SPDX-License-Identifier: MIT
// prototypes - what does each digit look like to a network? Pictures made for it by activation maximisation: of pixels
// alone, with two experts on what pictures are likely, and in the code of an autoencoder.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/attribution/maximisation/code_space.hpp>
#include <renn/attribution/maximisation/dataset_examples.hpp>
#include <renn/attribution/maximisation/gaussian_expert.hpp>
#include <renn/attribution/maximisation/maximise.hpp>
#include <renn/attribution/maximisation/objectives.hpp>
#include <renn/attribution/maximisation/penalties.hpp>
#include <renn/attribution/maximisation/range.hpp>
#include <renn/attribution/maximisation/train_rbm.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/picture.hpp>

#include "support/digit_training.hpp"
#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/mnist_options.hpp"

namespace {

namespace am = renn::maximisation;
namespace html = renn::html;
using Batch = renn::Batch<float>;
using Dense = renn::Dense<float>;
using ReLU = renn::ReLU<float>;
using Net = renn::Network<Dense, ReLU, Dense, ReLU, Dense>;
using Half = renn::Network<Dense, ReLU, Dense>;  // encoder or decoder
using Decoder = renn::Network<Half, renn::Sigmoid<float>>;

struct PrototypeOptions : DigitOptions {
    int steps = 512;
    std::int64_t fit = 10000, code_size = 16, hidden = 256;
    double norm = 3e-4, gaussian = 0.005, rbm = 0.003, rbm_norm = 1e-4, code = 0.01;
};

std::optional<PrototypeOptions> parse_prototypes(int argc, char** argv) {
    CLI::App app(
        "Trains a network on handwritten digits and makes, for every digit, the picture that the network is surest "
        "of:\n"
        "of pixels alone, with experts on what pictures are likely, and in the code of an autoencoder.");
    PrototypeOptions options;
    options.output = "prototypes.html";
    options.epochs = 5;
    add_training_options(app, options);
    app.add_option("--steps", options.steps, "of each search")->check(CLI::NonNegativeNumber);
    app.add_option("--fit", options.fit, "training images for the experts and the autoencoder, 0 for all");
    app.add_option("--code-size", options.code_size, "numbers in the code of the autoencoder")
        ->check(CLI::PositiveNumber);
    app.add_option("--hidden", options.hidden, "hidden units of the Boltzmann machine")->check(CLI::PositiveNumber);
    app.add_option("--norm", options.norm, "weight of the squared norm of pixels alone");
    app.add_option("--gaussian", options.gaussian, "weight of the normal distribution");
    app.add_option("--rbm", options.rbm, "weight of the Boltzmann machine");
    app.add_option("--rbm-norm", options.rbm_norm, "weight of the squared norm that keeps its pixels from 0 and 1");
    app.add_option("--code", options.code, "weight of the normal distribution of codes");
    if (!read_options(app, options, argc, argv)) return std::nullopt;
    if (options.fit < 0) refuse("--fit", std::to_string(options.fit), "0 or more");
    return options;
}

/// One way to make prototypes, and what it made of each digit.
struct Way {
    std::string name, remark;
    am::Maximised<float> found;
    std::vector<double> probability, likeness;  ///< to the mean of the digit's images
};

double correlation(const renn::Column<float>& a, const renn::Column<float>& b) {
    const Eigen::ArrayXd x = a.cast<double>().array() - a.cast<double>().mean();
    const Eigen::ArrayXd y = b.cast<double>().array() - b.cast<double>().mean();
    const double both = std::sqrt(x.square().sum() * y.square().sum());
    return both > 0.0 ? (x * y).sum() / both : 0.0;
}

Batch class_means(const renn::Dataset<float>& data) {
    Batch sums = Batch::Zero(data.features(), data.classes());
    renn::Column<float> counts = renn::Column<float>::Zero(data.classes());
    for (renn::Index i = 0; i < data.samples(); ++i) {
        sums.col(data.label(i)) += data.input(i);
        counts[data.label(i)] += 1.0F;
    }
    return sums.array().rowwise() / counts.transpose().array().max(1.0F);
}

/// The searches: all digits at once, one picture each.
std::vector<Way> search(const Net& net, const renn::Dataset<float>& data, const PrototypeOptions& options,
                        const Batch& means) {
    std::vector<std::int32_t> digits(static_cast<std::size_t>(data.classes()));
    std::iota(digits.begin(), digits.end(), 0);
    const auto sure = am::log_probability(digits);
    const Batch inputs = data.inputs();
    const Batch start = inputs.rowwise().mean().replicate(1, data.classes());
    const am::MaximiseOptions steps{
        .steps = options.steps, .seed = options.seed, .box = {{0.0, 1.0}}, .snapshots = {0, 4, 16, 64}};

    std::vector<Way> ways;
    const auto add = [&](std::string name, std::string remark, am::Maximised<float> found) {
        Way way{std::move(name), std::move(remark), std::move(found), {}, {}};
        for (renn::Index c = 0; c < data.classes(); ++c) {
            const renn::Column<float> y = net.predict(way.found.pictures.col(c));
            const Eigen::ArrayXd p = (y.cast<double>().array() - static_cast<double>(y.maxCoeff())).exp();
            way.probability.push_back(p[c] / p.sum());
            way.likeness.push_back(correlation(way.found.pictures.col(c), means.col(c)));
        }
        ways.push_back(std::move(way));
    };

    add("Pixels alone", "only a penalty on the squared norm",
        am::maximise_from(net, sure - options.norm * am::squared_norm(), start, am::Search<>(), steps));

    const auto gaussian = am::GaussianExpert<float>::fit(inputs);
    add("Normal distribution", "likely by mean and covariance of the training images",
        am::maximise_from(net, sure + options.gaussian * am::on_picture(gaussian), start, am::Search<>(), steps));

    // Its pictures lie between 0 and 1 because the pixels are a function of what is searched.
    const auto rbm = am::train_rbm(renn::Dense<float>(inputs.rows(), options.hidden), inputs,
                                   {.learning_rate = 0.05, .seed = options.seed});
    const renn::Network range{am::Range<float>(0.0F, 1.0F)};
    const Batch held = start.cwiseMax(0.01F).cwiseMin(0.99F);
    const Batch before = (held.array() / (1.0F - held.array())).log();
    auto unboxed = steps;
    unboxed.box.reset();
    add("Boltzmann machine", "likely by " + std::to_string(options.hidden) + " hidden units fitted to the images",
        am::maximise_from(net,
                          sure + options.rbm * am::on_picture(rbm) - options.rbm_norm * am::on_code(am::SquaredNorm{}),
                          before, am::Search<>().in(range), unboxed));

    const auto seed = [&](std::uint64_t layer) { return renn::mix(options.seed, 10 + layer); };
    const renn::Index d = data.features();
    renn::Network<Half, Half> both(Half(Dense(d, 128, seed(1)), ReLU{}, Dense(128, options.code_size, seed(2))),
                                   Half(Dense(options.code_size, 128, seed(3)), ReLU{}, Dense(128, d, seed(4))));
    train_digits(both, options, renn::Dataset<float>(inputs, {.targets = inputs}), renn::BinaryCrossEntropy{});
    Half encoder = both.layer<0>(), decoder = both.layer<1>();
    encoder.parameters() = std::get<0>(both.parameters().layers);
    decoder.parameters() = std::get<1>(both.parameters().layers);
    const Decoder pictures(decoder, renn::Sigmoid<float>{});
    const auto usual = am::GaussianExpert<float>::fit(encoder.predict(inputs));
    const double error = am::reconstruction_error(encoder, pictures, inputs);
    add("Code of an autoencoder",
        "made by a decoder from " + std::to_string(options.code_size) + " numbers; it is " + html::number(error, 3) +
            " off on the images",
        am::maximise_from(net, sure + options.code * am::on_code(usual), usual.mean().replicate(1, data.classes()),
                          am::Search<>().in(pictures), unboxed));
    return ways;
}

void print(const std::vector<Way>& ways) {
    std::printf("\n      ");
    for (const Way& way : ways) std::printf("  %-24s", way.name.c_str());
    std::printf("\ndigit ");
    for (std::size_t i = 0; i < ways.size(); ++i) std::printf("  probability  like mean ");
    std::printf("\n");
    const std::size_t digits = ways.front().probability.size();
    for (std::size_t c = 0; c < digits; ++c) {
        std::printf("%5zu ", c);
        for (const Way& way : ways) std::printf("  %11.4f  %9.2f ", way.probability[c], way.likeness[c]);
        std::printf("\n");
    }
    const auto mean = [](const std::vector<double>& v) {
        return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
    };
    std::printf(" mean ");
    for (const Way& way : ways) std::printf("  %11.4f  %9.2f ", mean(way.probability), mean(way.likeness));
    std::printf("\n\n");
    for (const Way& way : ways) {
        for (const std::string& warning : way.found.warnings) {
            std::printf("%s: %s\n", way.name.c_str(), warning.c_str());
        }
    }
}

constexpr std::string_view prototype_style = R"css(
.looks{border-collapse:separate;border-spacing:0 10px;font-size:12.5px;line-height:1.3}
.looks th{font-weight:600;text-align:left;vertical-align:bottom;padding:0 22px 2px 0}
.looks th[scope=row]{font-size:26px;vertical-align:middle;padding-right:26px;color:var(--quiet)}
.looks td{padding:0 22px 0 0;vertical-align:top}
.looks img{width:120px;height:120px}
.looks .small{display:grid;grid-template-columns:repeat(3,58px);gap:4px}
.looks .small img{width:58px;height:58px}
.looks p{margin:4px 0 0;color:var(--quiet);white-space:nowrap}
.charts article{margin:0}
.grow{display:flex;gap:10px;align-items:flex-end;flex-wrap:wrap;margin-top:8px}
.grow img{width:64px;height:64px}
)css";

std::string figures(double probability, double likeness) {
    const std::string sure = probability >= 0.9995 ? "over 99.9" : html::number(100.0 * probability, 1);
    return sure + "\u202f% sure<br>" + html::number(likeness, 2) + " like the mean";
}

void write_page(const PrototypeOptions& options, const renn::Dataset<float>& data, const Batch& means,
                const std::vector<Way>& ways, const std::vector<std::vector<am::Example>>& strongest,
                const std::vector<std::pair<std::string, std::string>>& facts) {
    renn::Page page("What does each digit look like to the network?",
                    "A network learned to read handwritten digits. These pictures were made for it: each was changed, "
                    "step by step, until the network was as sure as it gets. Pixels alone give what is enough for the "
                    "network, which is hardly a digit. The more is asked of a picture, the more it looks like one.");
    page.style(prototype_style);
    for (const auto& [name, value] : facts) page.fact(name, value);
    const auto look = [&](const auto& values, const std::string& words) {
        return html::image(renn::picture(values, data.image()), words);
    };
    page.section("Ten digits, four ways to ask", [&](std::ostream& out) {
        out << "<p>Under each picture stands how sure the network is of the digit, and the correlation with the mean "
               "of the digit\u2019s images.</p>\n";
        out << "<div class=\"scroll\" tabindex=\"0\"><table class=\"looks\"><thead><tr><th scope=\"col\"><span "
               "class=\"hidden\">Digit</span></th><th scope=\"col\">Mean of its images</th>";
        for (const Way& way : ways) out << "<th scope=\"col\">" << html::escape(way.name) << "</th>";
        out << "<th scope=\"col\">Images it is surest of</th></tr></thead><tbody>\n";
        for (renn::Index c = 0; c < means.cols(); ++c) {
            const auto at = static_cast<std::size_t>(c);
            const std::string digit = data.class_name(static_cast<std::int32_t>(c));
            out << "<tr><th scope=\"row\">" << html::escape(digit) << "</th><td>"
                << look(means.col(c), "mean of the images of " + digit) << "</td>";
            for (const Way& way : ways) {
                out << "<td>" << look(way.found.pictures.col(c), digit + " by " + way.name) << "<p>"
                    << figures(way.probability[at], way.likeness[at]) << "</p></td>";
            }
            out << "<td><div class=\"small\">";
            for (const am::Example& e : strongest[at]) {
                out << look(data.input(e.position), "image " + std::to_string(data.id(e.position)));
            }
            out << "</div></td></tr>\n";
        }
        out << "</tbody></table></div>\n";
    });
    page.section("How a picture comes about", [&](std::ostream& out) {
        out << "<p>All searches begin with the same grey mean, of all images or codes, and go up in what the network "
               "says for the "
               "digit. A 3, from the start to the end:</p>\n<div class=\"charts\">\n";
        const renn::Index shown = std::min<renn::Index>(3, means.cols() - 1);
        for (const Way& way : ways) {
            out << "<article><h3>" << html::escape(way.name) << "</h3>\n<p class=\"quiet\">" << html::escape(way.remark)
                << "</p>\n<div class=\"grow\">";
            const auto step = [&](const Batch& pictures, int number) {
                out << "<figure>" << look(pictures.col(shown), "after " + std::to_string(number) + " steps")
                    << "<figcaption>" << number << (number == 1 ? " step" : " steps") << "</figcaption></figure>";
            };
            const int taken = static_cast<int>(way.found.trace.size());
            for (const auto& snapshot : way.found.snapshots) {
                if (snapshot.step < taken) step(snapshot.pictures, snapshot.step);
            }
            step(way.found.pictures, taken);
            out << "</div></article>\n";
        }
        out << "</div>\n";
    });
    page.write(options.output);
}

void run(const PrototypeOptions& options, const mnist::Digits& digits) {
    std::printf("%s\n", data_text(digits).c_str());
    std::fflush(stdout);
    const Watch whole;
    const auto seed = [&](std::uint64_t layer) { return renn::mix(options.seed, layer); };
    const renn::Index d = digits.train.features();
    Net net(Dense(d, 128, seed(1)), ReLU{}, Dense(128, 128, seed(2)), ReLU{},
            Dense(128, digits.train.classes(), seed(3)));
    train_digits(net, options, digits.train);
    const double accuracy = part_correct(digits.test, predictions(net, digits.test));
    std::printf("%s of %s test images are read correctly\n", html::percent(accuracy).c_str(),
                count_text(digits.test.samples()).c_str());
    std::fflush(stdout);

    const renn::Index part = options.fit == 0 ? digits.train.samples() : options.fit;
    const renn::Dataset<float> known = digits.train.first(std::min(part, digits.train.samples()));
    const Batch means = class_means(digits.train);
    const std::vector<Way> ways = search(net, known, options, means);
    print(ways);

    std::vector<std::vector<am::Example>> strongest;
    for (std::int32_t c = 0; c < digits.train.classes(); ++c) {
        strongest.push_back(am::strongest(am::values_of(net, digits.train, renn::log_odds(c)), 6));
    }
    if (options.output.empty()) return;
    const std::vector<std::pair<std::string, std::string>> facts{{"Data", data_fact(digits)},
                                                                 {"Network", "784\u2013128\u2013128\u201310, ReLU"},
                                                                 {"Accuracy", html::percent(accuracy)},
                                                                 {"Steps", "up to " + std::to_string(options.steps)},
                                                                 {"Time", html::seconds(whole.seconds())}};
    write_page(options, digits.train, means, ways, strongest, facts);
    std::printf("Page written to %s\n", options.output.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("prototypes", [&] {
        const std::optional<PrototypeOptions> options = parse_prototypes(argc, argv);
        if (!options) return;
        run(*options, mnist::load_or_find(options->data, argv[0], options->train, options->test));
    });
}
