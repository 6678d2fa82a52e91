// SPDX-License-Identifier: MIT
// evidence/detection.hpp - whether certainty, credibility and familiarity tell wrong answers and foreign images.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/evaluation/detection.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/credibility.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/for_each_answer.hpp>

#include "../support/evaluation.hpp"
#include "../support/mnist.hpp"
#include "../support/table.hpp"
#include "setup.hpp"

namespace evidence {

/// For each image of a data set, one list a score; a higher one is more suspicious.
struct Suspicion {
    std::vector<std::string> names;
    std::vector<std::vector<double>> scores;
    std::vector<double> confidence;         ///< largest evidence of any class
    std::vector<std::int32_t> by_evidence;  ///< that class
};

inline Suspicion by_votes(const Traced& traced, const Data& data, const renn::RetraceOptions& options,
                          const std::string& kind, const renn::Credibility& credibility,
                          const renn::Familiarity& familiarity, int threads) {
    Suspicion s{{"1 - certainty, " + kind, "1 - evidence for the predicted class, " + kind, "1 - credibility, " + kind,
                 "1 - credibility of the predicted class, " + kind, "1 - familiarity, " + kind},
                std::vector<std::vector<double>>(5),
                {},
                {}};
    renn::for_each_answer(traced, data, options, threads, [&](renn::Index, const auto& answer) {
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
inline Suspicion by_softmax(const Net& net, const Data& data) {
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

inline double separation(const std::vector<double>& normal, const std::vector<double>& strange) {
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

inline std::vector<Foreign> foreign_images(const Options& options, const Data& test) {
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

/// Whether scores tell a network's wrong answers from right ones, and foreign images from digits: of one network after
/// the other.
class Detection {
public:
    Detection(const Options& options, const Data& train_and_calibration, const Data& test)
        : options_(options), test_(test), foreign_(foreign_images(options, test)) {
        const renn::Index held_out = train_and_calibration.samples() / 12;  // 5,000 of all 60,000
        train_ = train_and_calibration.first(train_and_calibration.samples() - held_out);
        std::vector<renn::Index> last(static_cast<std::size_t>(held_out));
        std::iota(last.begin(), last.end(), train_.samples());
        calibration_ = train_and_calibration.select(last);
    }

    void add_network(std::uint64_t seed) {
        const Traced traced = record(train(options_, seed, train_), train_, options_.threads);
        const std::vector<std::int32_t> predicted = predictions(traced.network(), test_);
        network_right_.push_back(100.0 * part_correct(test_, predicted));
        std::vector<bool> right;
        for (std::size_t i = 0; i < predicted.size(); ++i) right.push_back(is_class(predicted[i], i));

        struct Voters {
            std::string kind;
            renn::RetraceOptions asked;
        };
        const std::int64_t k = options_.k;
        const Voters all[] = {{"pre", {.k = k}},
                              {"post", {.k = k, .pre = false, .post = true}},
                              {"relu2", {.k = k, .pre = false, .post = true, .layers = {"relu2"}}},
                              {"dense3", {.k = k, .layers = {"dense3"}}}};
        for (const Voters& v : all) {
            const renn::Credibility credibility(traced, calibration_, v.asked, options_.threads);
            const renn::Familiarity familiarity(traced, train_,
                                                {.retrace = v.asked,
                                                 .samples = std::min<std::int64_t>(train_.samples(), 10000),
                                                 .threads = options_.threads});
            add("evidence, " + v.kind, right, [&](const Data& data) {
                return by_votes(traced, data, v.asked, v.kind, credibility, familiarity, options_.threads);
            });
        }
        add("softmax", right, [&](const Data& data) { return by_softmax(traced.network(), data); });
    }

    void print() const {
        print_areas();
        std::printf("Calibration: the class with most evidence, or the network's, against its part of it.\n\n");
        Table errors({"confidence", "accuracy in %", "expected calibration error"});
        for (const Judge& j : judges_) errors.add({j.name, percent(mean_of(j.right)), mean_and_spread(j.error)});
        errors.print();
        std::printf("Accuracy of the network in %% by tenths of the images, the least certain tenth first.\n\n");
        Table tenths({"certainty by", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
        for (const Judge& j : judges_) {
            std::vector<std::string> cells{j.name};
            for (const double accuracy : j.tenths) cells.push_back(percent(accuracy));
            tenths.add(cells);
        }
        tenths.print();
    }

private:
    /// Areas under the ROC curve of a score, one a network: of errors, and of each kind of foreign images.
    struct Score {
        std::string name;
        std::vector<std::vector<double>> areas = {};
    };
    /// What names a class, the evidence or the network, and how sure it is: one number a network.
    struct Judge {
        std::string name;
        std::vector<double> right = {}, error = {};  ///< part of right answers, and their calibration
        std::vector<double> tenths = std::vector<double>(10, 0.0);
    };

    bool is_class(std::int32_t answer, std::size_t test) const {
        return answer == test_.label(static_cast<renn::Index>(test));
    }

    template <class Row>
    static Row& row_named(std::vector<Row>& rows, const std::string& name) {
        const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
        return found != rows.end() ? *found : rows.emplace_back(Row{name});
    }

    /// What look(images) finds suspicious; right: the network's answers.
    template <class Look>
    void add(const std::string& judge, const std::vector<bool>& right, const Look& look) {
        const Suspicion here = look(test_);
        std::vector<bool> wrong = right;
        wrong.flip();
        for (std::size_t i = 0; i < here.scores.size(); ++i) {
            Score& score = row_named(scores_, here.names[i]);
            score.areas.resize(1 + foreign_.size());
            score.areas[0].push_back(renn::auroc(here.scores[i], wrong));
        }
        for (std::size_t f = 0; f < foreign_.size(); ++f) {
            const Suspicion there = look(foreign_[f].data);
            for (std::size_t i = 0; i < here.scores.size(); ++i) {
                row_named(scores_, here.names[i]).areas[1 + f].push_back(separation(here.scores[i], there.scores[i]));
            }
        }
        std::vector<bool> hit = right;
        for (std::size_t i = 0; i < here.by_evidence.size(); ++i) hit[i] = is_class(here.by_evidence[i], i);
        Judge& row = row_named(judges_, judge);
        row.error.push_back(renn::calibration(here.confidence, hit).error);
        row.right.push_back(static_cast<double>(std::count(hit.begin(), hit.end(), true)) /
                            static_cast<double>(hit.size()));
        std::vector<double> trust;
        for (const double x : here.scores[0]) trust.push_back(-x);
        const auto parts = renn::accuracy_by_score(trust, right);
        for (std::size_t d = 0; d < row.tenths.size(); ++d) row.tenths[d] += parts[d].accuracy / options_.seeds;
    }

    void print_areas() const {
        std::printf("## Wrong answers and foreign images: area under the ROC curve\n\n");
        std::printf(
            "%d network%s, trained on and traced to %s images each, credibility calibrated on %s others, k = %d; ",
            options_.seeds, options_.seeds == 1 ? "" : "s", count_text(train_.samples()).c_str(),
            count_text(calibration_.samples()).c_str(), static_cast<int>(options_.k));
        std::printf("they read %s %% of %s test images.\n\n", mean_and_spread(network_right_, 2).c_str(),
                    count_text(test_.samples()).c_str());
        std::vector<std::string> head{"score", "errors"};
        for (const Foreign& f : foreign_) head.push_back(f.name);
        Table table(head);
        for (const Score& score : scores_) {
            std::vector<std::string> cells{score.name};
            for (const auto& column : score.areas) cells.push_back(mean_and_spread(column));
            table.add(cells);
        }
        table.print();
    }

    const Options& options_;
    const Data& test_;
    std::vector<Foreign> foreign_;
    Data train_, calibration_;
    std::vector<Score> scores_;
    std::vector<Judge> judges_;
    std::vector<double> network_right_;  // in percent
};

inline void measure_detection(const Options& options, const Data& train_and_calibration, const Data& test) {
    Detection detection(options, train_and_calibration, test);
    for (int s = 0; s < options.seeds; ++s) {
        detection.add_network(options.seed + static_cast<std::uint64_t>(s));
        std::fprintf(stderr, "network %d of %d\n", s + 1, options.seeds);
    }
    detection.print();
}

}  // namespace evidence
