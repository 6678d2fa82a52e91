// SPDX-License-Identifier: MIT
// evidence - measures on handwritten digits what retracing is worth: docs/evidence.md has the tables it prints.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/detection.hpp>
#include <renn/evaluation/evidence_quality.hpp>
#include <renn/evaluation/retrieval.hpp>
#include <renn/evaluation/source_curve.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/credibility.hpp>
#include <renn/retrace/elbow.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/layer_search.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/training/fit.hpp>

#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/options.hpp"
#include "support/table.hpp"
#include "support/unstable_argsort.hpp"

namespace {

using Net = renn::Network<renn::Dense<float, 784, 128>, renn::ReLU<float>, renn::Dense<float, 128, 128>,
                          renn::ReLU<float>, renn::Dense<float, 128, 10>>;
using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted>;
using Data = renn::Dataset<float>;

struct Options {
    std::string data, out_of_distribution;
    std::vector<std::string> items{"accuracy", "detection", "sources", "ties", "speed"};
    std::int64_t train = 0, test = 0, k = 42;
    int epochs = 10, seeds = 5, threads = 0;
    std::uint64_t seed = 1;
};

std::optional<Options> parse(int argc, char** argv) {
    CLI::App app(
        "Measures on handwritten digits what retracing is worth, and prints tables in Markdown:\n"
        "  accuracy   how often the sources alone name the right class, and the network's\n"
        "  detection  whether certainty, credibility and familiarity tell wrong answers and foreign images\n"
        "  sources    how many of the most voted sources mean anything\n"
        "  ties       what the tie policies and an unstable sort make of the votes behind rectifiers\n"
        "  speed      seconds for a retrace of every test image on two threads");
    Options options;
    add_measuring_options(app, options.items, options.data);
    app.add_option("--out-of-distribution", options.out_of_distribution,
                   "folder with IDX files of foreign images, such as Fashion-MNIST: see fetch_fashion_mnist.sh");
    app.add_option("--train", options.train, "number of training images, 0 for all")->check(CLI::NonNegativeNumber);
    app.add_option("--test", options.test, "number of test images, 0 for all")->check(CLI::NonNegativeNumber);
    app.add_option("-e,--epochs", options.epochs, "times a network sees its training images")
        ->check(CLI::NonNegativeNumber);
    app.add_option("-k,--k", options.k, "closest training images a neuron votes for")->check(CLI::PositiveNumber);
    app.add_option("--seeds", options.seeds, "networks to take the mean over in `detection`")
        ->check(CLI::PositiveNumber);
    app.add_option("-s,--seed", options.seed, "of the first network");
    app.add_option("-j,--threads", options.threads, "to work with, 0 for every core")->check(CLI::NonNegativeNumber);
    if (!parsed(app, argc, argv)) return std::nullopt;
    return options;
}

Net train(const Options& options, std::uint64_t seed, const Data& data) {
    const auto layer = [seed](std::uint64_t number) { return renn::mix(seed, number); };
    Net net{renn::Dense<float, 784, 128>(layer(1)), renn::ReLU<float>{}, renn::Dense<float, 128, 128>(layer(2)),
            renn::ReLU<float>{}, renn::Dense<float, 128, 10>(layer(3))};
    renn::fit(net, data, {.epochs = options.epochs, .seed = seed, .threads = options.threads});
    return net;
}

Traced record(Net net, const Data& data, int threads) {
    Traced traced(std::move(net));
    traced.record(data, {.threads = threads});
    traced.index().build(threads);
    return traced;
}

/// f(position, answer) for each of the data.
template <class F>
void for_each_answer(const Traced& traced, const Data& data, const renn::RetraceOptions& options, int threads, F&& f) {
    renn::Batch<float> x;
    for (renn::Index first = 0; first < data.samples(); first += 256) {
        data.inputs(first, std::min<renn::Index>(256, data.samples() - first), x);
        renn::Index position = first;
        for (const auto& answer : traced.retrace_batch(x, options, threads)) f(position++, answer);
    }
}

// accuracy ------------------------------------------------------------------------------------------------------------

/// Accuracy and agreement with the network of the majority of the k images closest in the last hidden layer.
std::pair<double, double> nearest_by_vector(const renn::LayerSearch<Traced>& search, const Data& test,
                                            const std::vector<std::int32_t>& predicted, std::int64_t k, int threads) {
    double right = 0, agree = 0;
    renn::Batch<float> x;
    for (renn::Index first = 0; first < test.samples(); first += 256) {
        test.inputs(first, std::min<renn::Index>(256, test.samples() - first), x);
        renn::Index at = first;
        for (const renn::LayerSources& near : search.sources(x, {.k = k}, threads)) {
            std::vector<int> count(static_cast<std::size_t>(test.classes()), 0);
            for (const renn::LayerSource& s : near.sources) ++count[static_cast<std::size_t>(s.label)];
            const auto most = static_cast<std::int32_t>(std::max_element(count.begin(), count.end()) - count.begin());
            right += most == test.label(at) ? 1 : 0;
            agree += most == predicted[static_cast<std::size_t>(at)] ? 1 : 0;
            ++at;
        }
    }
    const auto n = static_cast<double>(test.samples());
    return {right / n, agree / n};
}

void measure_accuracy(const Options& options, const Traced& traced, const Data& test) {
    const std::vector<std::int32_t> predicted = predictions(traced.network(), test);
    std::printf("## Accuracy of the evidence alone / agreement with the network, in %%\n\n");
    std::printf("The network itself: %s %%.\n\n", percent(part_correct(test, predicted)).c_str());
    const std::vector<std::int64_t> ks{10, 42, 100};
    Table table({"votes of", "k = 10", "k = 42", "k = 100"});
    std::vector<std::vector<std::string>> rows;
    const auto fill = [&](std::size_t row, const std::string& name, double accuracy, double agreement) {
        if (row == rows.size()) rows.push_back({name});
        rows[row].push_back(percent(accuracy) + " / " + percent(agreement));
    };
    const renn::LayerSearch<Traced> search(traced, "relu2");
    for (const std::int64_t k : ks) {
        std::size_t row = 0;
        const auto pre = evidence_quality(traced, test, {.k = k}, options.threads);
        const auto post = evidence_quality(traced, test, {.k = k, .pre = false, .post = true}, options.threads);
        const auto both = evidence_quality(traced, test, {.k = k, .post = true}, options.threads).front();
        for (const auto& [kind, qualities] : {std::pair("pre", &pre), std::pair("post", &post)}) {
            for (const renn::EvidenceQuality& q : *qualities) {
                const std::string name = q.layer.empty() ? "network" : q.layer;
                fill(row++, name + ", " + kind, q.accuracy, q.agreement);
            }
        }
        fill(row++, "network, pre and post", both.accuracy, both.agreement);
        const auto [right, agree] = nearest_by_vector(search, test, predicted, k, options.threads);
        fill(row++, "no votes: k closest by all of relu2", right, agree);
    }
    for (auto& row : rows) table.add(std::move(row));
    table.print();
}

// detection -----------------------------------------------------------------------------------------------------------

/// For each image of a data set, one list a score; a higher one is more suspicious.
struct Suspicion {
    std::vector<std::string> names;
    std::vector<std::vector<double>> scores;
    std::vector<double> confidence;         ///< largest evidence of any class
    std::vector<std::int32_t> by_evidence;  ///< that class
};

Suspicion by_votes(const Traced& traced, const Data& data, const renn::RetraceOptions& options, const std::string& kind,
                   const renn::Credibility& credibility, const renn::Familiarity& familiarity, int threads) {
    Suspicion s{{"1 - certainty, " + kind, "1 - evidence for the predicted class, " + kind, "1 - credibility, " + kind,
                 "1 - credibility of the predicted class, " + kind, "1 - familiarity, " + kind},
                std::vector<std::vector<double>>(5),
                {},
                {}};
    for_each_answer(traced, data, options, threads, [&](renn::Index, const auto& answer) {
        const std::vector<double> evidence = answer.evidence();
        const renn::Conformity conformity = credibility(answer);
        const auto predicted = static_cast<std::size_t>(answer.prediction());
        const double values[] = {renn::certainty(evidence), evidence[predicted], conformity.credibility,
                                 conformity.credibility_of(answer.prediction()), familiarity(answer)};
        for (std::size_t i = 0; i < 5; ++i) s.scores[i].push_back(1.0 - values[i]);
        const auto most = std::max_element(evidence.begin(), evidence.end());
        s.confidence.push_back(std::min(*most, 1.0));
        s.by_evidence.push_back(static_cast<std::int32_t>(most - evidence.begin()));
    });
    return s;
}

/// What the network's own probabilities say.
Suspicion by_softmax(const Net& net, const Data& data) {
    Suspicion s{{"1 - largest softmax", "entropy of softmax"}, std::vector<std::vector<double>>(2), {}, {}};
    renn::Workspace<Net> workspace;
    renn::Batch<float> x;
    for (renn::Index first = 0; first < data.samples(); first += 256) {
        data.inputs(first, std::min<renn::Index>(256, data.samples() - first), x);
        const renn::Batch<double> z = net.forward(x, workspace).cast<double>();
        for (renn::Index j = 0; j < z.cols(); ++j) {
            Eigen::ArrayXd p = (z.col(j).array() - z.col(j).maxCoeff()).exp();
            p /= p.sum();
            s.scores[0].push_back(1.0 - p.maxCoeff());
            s.scores[1].push_back(-(p * (p + 1e-300).log()).sum());
            s.confidence.push_back(std::min(p.maxCoeff(), 1.0));
        }
    }
    return s;
}

double separation(const std::vector<double>& normal, const std::vector<double>& strange) {
    std::vector<double> all = normal;
    all.insert(all.end(), strange.begin(), strange.end());
    std::vector<bool> positive(all.size(), false);
    std::fill(positive.begin() + std::ssize(normal), positive.end(), true);
    return renn::auroc(all, positive);
}

struct Foreign {
    std::string name;
    Data data;
};

std::vector<Foreign> foreign_images(const Options& options, const Data& test) {
    std::vector<Foreign> all;
    if (!options.out_of_distribution.empty()) {
        const mnist::fs::path folder(options.out_of_distribution);
        renn::Index available = 0;
        all.push_back({folder.filename().string(), mnist::read(folder, "t10k", options.test, available)});
    }
    const renn::Batch<float> some = test.first(std::min<renn::Index>(test.samples(), 2000)).inputs();
    const renn::Batch<float> inverted = (1.0f - some.array()).matrix();
    all.push_back({"inverted digits", Data(inverted)});
    renn::Batch<float> noise(some.rows(), some.cols());
    renn::Rng rng(5);
    for (renn::Index i = 0; i < noise.size(); ++i) noise.data()[i] = static_cast<float>(rng.uniform());
    all.push_back({"noise", Data(noise)});
    return all;
}

void measure_detection(const Options& options, const Data& train_and_calibration, const Data& test) {
    const renn::Index held_out = train_and_calibration.samples() / 12;  // 5,000 of all 60,000
    const Data train_data = train_and_calibration.first(train_and_calibration.samples() - held_out);
    std::vector<renn::Index> last(static_cast<std::size_t>(held_out));
    std::iota(last.begin(), last.end(), train_data.samples());
    const Data calibration = train_and_calibration.select(last);
    const std::vector<Foreign> foreign = foreign_images(options, test);

    std::vector<std::string> names, calibrated;
    std::vector<std::vector<std::vector<double>>> areas;  // by score, column, seed
    std::vector<std::vector<double>> calibration_errors;  // by judge, seed
    std::vector<std::vector<double>> right_answers;       // by judge, seed
    std::vector<std::vector<double>> deciles(5, std::vector<double>(10, 0.0));
    std::vector<double> network_right;
    for (int s = 0; s < options.seeds; ++s) {
        const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(s);
        const Traced traced = record(train(options, seed, train_data), train_data, options.threads);
        const std::vector<std::int32_t> predicted = predictions(traced.network(), test);
        std::vector<bool> wrong, right;
        for (std::size_t i = 0; i < predicted.size(); ++i) {
            right.push_back(predicted[i] == test.label(static_cast<renn::Index>(i)));
            wrong.push_back(!right.back());
        }
        network_right.push_back(part_correct(test, predicted));
        std::size_t row = 0, judge = 0;
        const auto take = [&](const std::string& name, const std::function<Suspicion(const Data&)>& look) {
            const Suspicion here = look(test);
            std::vector<Suspicion> there;
            for (const Foreign& f : foreign) there.push_back(look(f.data));
            for (std::size_t i = 0; i < here.scores.size(); ++i, ++row) {
                if (s == 0) {
                    names.push_back(here.names[i]);
                    areas.emplace_back(1 + foreign.size());
                }
                areas[row][0].push_back(renn::auroc(here.scores[i], wrong));
                for (std::size_t f = 0; f < foreign.size(); ++f) {
                    areas[row][1 + f].push_back(separation(here.scores[i], there[f].scores[i]));
                }
            }
            std::vector<bool> hit = right;
            for (std::size_t i = 0; i < here.by_evidence.size(); ++i) {
                hit[i] = here.by_evidence[i] == test.label(static_cast<renn::Index>(i));
            }
            if (s == 0) {
                calibrated.push_back(name);
                calibration_errors.emplace_back();
                right_answers.emplace_back();
            }
            calibration_errors[judge].push_back(renn::calibration(here.confidence, hit).error);
            right_answers[judge].push_back(static_cast<double>(std::count(hit.begin(), hit.end(), true)) /
                                           static_cast<double>(hit.size()));
            std::vector<double> trust;
            for (const double x : here.scores[0]) trust.push_back(-x);
            const auto parts = renn::accuracy_by_score(trust, right);
            for (std::size_t d = 0; d < 10; ++d) deciles[judge][d] += parts[d].accuracy / options.seeds;
            ++judge;
        };
        const std::vector<std::pair<std::string, renn::RetraceOptions>> voters{
            {"pre", {.k = options.k}},
            {"post", {.k = options.k, .pre = false, .post = true}},
            {"relu2", {.k = options.k, .pre = false, .post = true, .layers = {"relu2"}}},
            {"dense3", {.k = options.k, .layers = {"dense3"}}}};
        for (const auto& [kind, asked] : voters) {
            const renn::Credibility credibility(traced, calibration, asked, options.threads);
            const renn::Familiarity familiarity(traced, train_data,
                                                {.retrace = asked,
                                                 .samples = std::min<std::int64_t>(train_data.samples(), 10000),
                                                 .threads = options.threads});
            take("evidence, " + kind, [&, kind = kind, asked = asked](const Data& data) {
                return by_votes(traced, data, asked, kind, credibility, familiarity, options.threads);
            });
        }
        take("softmax", [&](const Data& data) { return by_softmax(traced.network(), data); });
        std::fprintf(stderr, "network %d of %d\n", s + 1, options.seeds);
    }

    std::printf("## Wrong answers and foreign images: area under the ROC curve\n\n");
    std::printf("%d network%s, trained on and traced to %s images each, credibility calibrated on %s others, k = %d; ",
                options.seeds, options.seeds == 1 ? "" : "s", count_text(train_data.samples()).c_str(),
                count_text(calibration.samples()).c_str(), static_cast<int>(options.k));
    std::printf("they read %s %% of %s test images.\n\n",
                mean_and_spread(
                    [&] {
                        std::vector<double> in_percent = network_right;
                        for (double& r : in_percent) r *= 100.0;
                        return in_percent;
                    }(),
                    2)
                    .c_str(),
                count_text(test.samples()).c_str());
    std::vector<std::string> head{"score", "errors"};
    for (const Foreign& f : foreign) head.push_back(f.name);
    Table table(head);
    for (std::size_t row = 0; row < names.size(); ++row) {
        std::vector<std::string> cells{names[row]};
        for (const auto& column : areas[row]) cells.push_back(mean_and_spread(column));
        table.add(cells);
    }
    table.print();
    std::printf("Calibration: the class with most evidence, or the network's, against its part of it.\n\n");
    Table errors({"confidence", "accuracy in %", "expected calibration error"});
    for (std::size_t j = 0; j < calibrated.size(); ++j) {
        errors.add({calibrated[j], percent(mean_of(right_answers[j])), mean_and_spread(calibration_errors[j])});
    }
    errors.print();
    std::printf("Accuracy of the network in %% by tenths of the images, the least certain tenth first.\n\n");
    Table tenths({"certainty by", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
    for (std::size_t j = 0; j < calibrated.size(); ++j) {
        std::vector<std::string> cells{calibrated[j]};
        for (const double accuracy : deciles[j]) cells.push_back(percent(accuracy));
        tenths.add(cells);
    }
    tenths.print();
}

// sources -------------------------------------------------------------------------------------------------------------

void measure_sources(const Options& options, const Traced& traced, const Data& test) {
    const auto ranks = static_cast<std::size_t>(std::min<renn::Index>(traced.store().samples(), 10000));
    std::printf("## How many sources mean anything, k = %d\n\n", static_cast<int>(options.k));
    for (const bool post : {false, true}) {
        const renn::SourceCurve curve =
            source_curve(traced, test, ranks, {.k = options.k, .pre = !post, .post = post}, options.threads);
        const auto bend_within = [&](std::size_t m) {
            return renn::elbow(std::span(curve.share).first(std::min(m, ranks))).value_or(1);
        };
        std::printf("%s: the curve of vote shares bends at rank %zu of the first 200, %zu of 2,000, %zu of %zu.\n\n",
                    post ? "Post-activations" : "Pre-activations", bend_within(200), bend_within(2000),
                    bend_within(ranks), ranks);
        Table table({"sources m", "share of the m-th", "share of the first m", "m-th has the predicted class",
                     "accuracy of the first m", "agreement", "accuracy of all but the first m"});
        double sum = 0.0;
        std::size_t done = 0;
        for (const std::size_t m : {1U, 2U, 5U, 10U, 20U, 50U, 100U, 200U, 500U, 1000U, 2000U, 5000U, 10000U}) {
            if (m > ranks) break;
            for (; done < m; ++done) sum += curve.share[done];
            table.add({std::to_string(m), percent(curve.share[m - 1], 3), percent(sum, 1),
                       percent(curve.same[m - 1], 1), percent(curve.accuracy[m - 1]), percent(curve.agreement[m - 1]),
                       percent(curve.beyond[m - 1])});
        }
        table.print();
    }
}

// ties ----------------------------------------------------------------------------------------------------------------

/// Votes as an unstable sort of the distances gives them out, and how many of them it gave to samples that others were
/// exactly as close as.
struct SortedVotes {
    std::vector<double> votes, by_chance;
};

SortedVotes votes_of_argsort(const renn::Activations<float>& recorded, const renn::Activations<float>& query,
                             renn::Index q, bool post, std::size_t k) {
    const auto n = static_cast<std::size_t>(recorded.output().cols());
    SortedVotes result{std::vector<double>(n, 0.0), std::vector<double>(n, 0.0)};
    std::vector<float> distance(n);
    for (std::size_t b = 0; b < recorded.blocks().size(); ++b) {
        const auto& block = recorded.blocks()[b];
        if ((block.kind == renn::Kind::post) != post) continue;
        for (renn::Index u = 0; u < block.width; ++u) {
            const float value = query.blocks()[b].values(u, q);
            for (std::size_t s = 0; s < n; ++s) {
                distance[s] = std::abs(block.values(u, static_cast<renn::Index>(s)) - value);
            }
            const auto order = unstable_argsort(distance);
            const float boundary = distance[static_cast<std::size_t>(order[k - 1])];
            const bool contested = static_cast<std::size_t>(std::count_if(distance.begin(), distance.end(),
                                                                          [&](float d) { return d <= boundary; })) > k;
            for (std::size_t i = 0; i < k; ++i) {
                const auto s = static_cast<std::size_t>(order[i]);
                result.votes[s] += 1.0;
                if (contested && distance[s] == boundary) result.by_chance[s] += 1.0;
            }
        }
    }
    return result;
}

std::vector<std::uint64_t> top_of(const std::vector<double>& votes, std::size_t m) {
    std::vector<std::uint64_t> order(votes.size());
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::uint64_t a, std::uint64_t b) { return votes[a] > votes[b]; });
    order.resize(std::min(m, order.size()));
    return order;
}

std::int32_t class_of(const std::vector<double>& votes, std::span<const std::int32_t> labels) {
    std::vector<double> evidence(10, 0.0);
    for (std::size_t s = 0; s < votes.size(); ++s) evidence[static_cast<std::size_t>(labels[s])] += votes[s];
    return static_cast<std::int32_t>(std::max_element(evidence.begin(), evidence.end()) - evidence.begin());
}

void measure_ties(const Options& options, const Net& net, const Data& train, const Data& all_tests) {
    constexpr std::size_t depth = 20;
    const Data data = train.first(std::min<renn::Index>(train.samples(), 10000));  // as the published run
    const Data test = all_tests.first(std::min<renn::Index>(all_tests.samples(), 100));
    const auto n = static_cast<std::size_t>(data.samples()), k = std::min(n, static_cast<std::size_t>(options.k));

    // The same samples in another order, with new ids: an answer should not depend on it.
    std::vector<renn::Index> from(n);
    std::iota(from.begin(), from.end(), renn::Index{0});
    renn::Rng rng(11);
    renn::shuffle(from, rng);
    renn::Batch<float> x(data.features(), data.samples());
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < n; ++i) {
        x.col(static_cast<renn::Index>(i)) = data.input(from[i]);
        labels.push_back(data.label(from[i]));
    }
    const Data shuffled(x, {.labels = labels, .classes = data.classes()});
    const auto before = [&](std::vector<std::uint64_t> ids) {
        for (std::uint64_t& id : ids) id = static_cast<std::uint64_t>(from[id]);
        return ids;
    };
    // Part of the votes that another order of the samples gives to others.
    const auto moved = [&](const std::vector<double>& votes, const std::vector<double>& later) {
        double difference = 0.0, all = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            const double here = votes[static_cast<std::size_t>(from[i])];
            difference += std::abs(here - later[i]);
            all += here;
        }
        return all > 0.0 ? 0.5 * difference / all : 0.0;
    };
    const auto ids_of = [](const std::vector<renn::Source>& sources) {
        std::vector<std::uint64_t> ids;
        for (const renn::Source& s : sources) ids.push_back(s.id);
        return ids;
    };
    const Data plain(data.inputs(),
                     {.labels = {data.labels().begin(), data.labels().end()}, .classes = data.classes()});
    const Traced traced = record(net, plain, options.threads), again = record(net, shuffled, options.threads);
    const auto recorded = renn::activations(net, plain.inputs());
    const auto reordered = renn::activations(net, shuffled.inputs());
    const auto queries = renn::activations(net, test.inputs());

    std::printf("## Ties: %s sources, %s queries, k = %zu; in %%\n\n", count_text(data.samples()).c_str(),
                count_text(test.samples()).c_str(), k);
    for (const bool post : {false, true}) {
        std::vector<std::vector<std::uint64_t>> shared;
        Table table({"policy", "votes cast", "top 20 as with share", "the same after a new order",
                     "votes that move then", "evidence right"});
        for (const auto ties :
             {renn::Ties::share, renn::Ties::strict, renn::Ties::skip_inactive, renn::Ties::lowest_id}) {
            const renn::RetraceOptions asked{.k = options.k, .ties = ties, .pre = !post, .post = post};
            const auto answers = traced.retrace_activations(queries, asked, options.threads);
            const auto others = again.retrace_activations(queries, asked, options.threads);
            double cast = 0, same = 0, stable = 0, moving = 0, right = 0;
            for (std::size_t q = 0; q < answers.size(); ++q) {
                const auto top = ids_of(answers[q].top(depth));
                if (ties == renn::Ties::share) shared.push_back(top);
                cast += answers[q].total() / static_cast<double>(k * answers[q].neurons());
                same += renn::overlap_at_k(shared[q], top, depth);
                stable += renn::overlap_at_k(top, before(ids_of(others[q].top(depth))), depth);
                moving += moved(answers[q].dense(), others[q].dense());
                right += answers[q].evidence_class() == test.label(static_cast<renn::Index>(q)) ? 1 : 0;
            }
            const auto count = static_cast<double>(answers.size());
            table.add({std::string(renn::ties_name(ties)), percent(cast / count, 1), percent(same / count, 1),
                       percent(stable / count, 1), percent(moving / count, 1), percent(right / count, 1)});
        }
        double same = 0, stable = 0, moving = 0, right = 0, by_chance = 0, all = 0, by_chance_top = 0, all_top = 0;
        for (renn::Index q = 0; q < test.samples(); ++q) {
            const SortedVotes one = votes_of_argsort(recorded, queries, q, post, k);
            const SortedVotes two = votes_of_argsort(reordered, queries, q, post, k);
            const auto top = top_of(one.votes, depth);
            same += renn::overlap_at_k(shared[static_cast<std::size_t>(q)], top, depth);
            stable += renn::overlap_at_k(top, before(top_of(two.votes, depth)), depth);
            moving += moved(one.votes, two.votes);
            right += class_of(one.votes, data.labels()) == test.label(q) ? 1 : 0;
            all += std::accumulate(one.votes.begin(), one.votes.end(), 0.0);
            by_chance += std::accumulate(one.by_chance.begin(), one.by_chance.end(), 0.0);
            for (const std::uint64_t s : top) {
                all_top += one.votes[s];
                by_chance_top += one.by_chance[s];
            }
        }
        const auto count = static_cast<double>(test.samples());
        table.add({"NumPy's argsort", "100.0", percent(same / count, 1), percent(stable / count, 1),
                   percent(moving / count, 1), percent(right / count, 1)});
        std::printf(
            "%s: argsort gave %s %% of all votes, and %s %% of those of its top 20, to samples that others were "
            "exactly as close as.\n\n",
            post ? "Post-activations (\"Activation\")" : "Pre-activations (\"Sum\")",
            percent(by_chance / all, 1).c_str(), percent(by_chance_top / all_top, 1).c_str());
        table.print();
    }
}

// speed ---------------------------------------------------------------------------------------------------------------

template <class Policy>
void time_retraces(const Options& options, const Net& net, const Data& train, const Data& test, Table& table) {
    renn::TracedNetwork<Net, renn::MemoryStore<float>, Policy> traced(net);
    traced.record(train);
    traced.index().build();
    const renn::RetraceOptions asked{.k = options.k, .post = true};
    std::vector<std::string> row{std::string(Policy::name)};
    for (const bool top : {false, true}) {
        double best = 1e9, least = 1e9;
        for (int round = 0; round < 3; ++round) {
            const Watch watch;
            const std::clock_t begin = std::clock();
            std::vector<std::thread> team;
            for (renn::Index t = 0; t < 2; ++t) {
                team.emplace_back([&, t] {
                    renn::Batch<float> x;
                    renn::VoteScratch scratch;
                    double seen = 0.0;
                    const renn::Index end = test.samples() * (t + 1) / 2;
                    for (renn::Index first = test.samples() * t / 2; first < end; first += 64) {
                        test.inputs(first, std::min<renn::Index>(64, end - first), x);
                        for (const auto& answer : traced.retrace_batch(x, asked)) {
                            seen += top ? answer.top(20, scratch).front().votes : answer.total();
                        }
                    }
                    if (std::isnan(seen)) std::printf("?");
                });
            }
            for (std::thread& t : team) t.join();
            best = std::min(best, watch.seconds());
            least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
        }
        row.push_back(fixed(best, 2) + " (" + fixed(least, 2) + ")");
        std::fprintf(stderr, "%s: %s s\n", row.front().c_str(), row.back().c_str());
    }
    table.add(row);
}

void measure_speed(const Options& options, const Net& net, const Data& train, const Data& test) {
    std::printf(
        "## Seconds for a retrace of %s test images to %s sources, pre and post, k = %d, two threads "
        "(in brackets: processor time of both)\n\n",
        count_text(test.samples()).c_str(), count_text(train.samples()).c_str(), static_cast<int>(options.k));
    Table table({"index", "forward pass and search", "and the 20 most voted sources"});
    time_retraces<renn::Sorted>(options, net, train, test, table);
    time_retraces<renn::KdTree>(options, net, train, test, table);
    table.print();
}

void run(const Options& options, const mnist::Digits& digits) {
    const auto wanted = [&](const char* item) {
        return std::find(options.items.begin(), options.items.end(), item) != options.items.end();
    };
    std::printf("%s training and %s test images, network 784-128-128-10, %d epochs.\n\n",
                count_text(digits.train.samples()).c_str(), count_text(digits.test.samples()).c_str(), options.epochs);
    std::fflush(stdout);
    if (wanted("accuracy") || wanted("sources") || wanted("ties") || wanted("speed")) {
        const Net net = train(options, options.seed, digits.train);
        if (wanted("accuracy") || wanted("sources")) {
            const Traced traced = record(net, digits.train, options.threads);
            if (wanted("accuracy")) measure_accuracy(options, traced, digits.test);
            if (wanted("sources")) measure_sources(options, traced, digits.test);
        }
        if (wanted("ties")) measure_ties(options, net, digits.train, digits.test);
        if (wanted("speed")) measure_speed(options, net, digits.train, digits.test);
    }
    if (wanted("detection")) measure_detection(options, digits.train, digits.test);
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("evidence", [&] {
        const std::optional<Options> options = parse(argc, argv);
        if (!options) return;
        run(*options, mnist::load_or_find(options->data, argv[0], options->train, options->test));
    });
}
