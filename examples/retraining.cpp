// SPDX-License-Identifier: MIT
// retraining - asks whether a retrace foretells what training without some samples does: docs/evidence.md has the
// tables it prints.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <Eigen/Cholesky>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/npy.hpp>
#include <renn/evaluation/linear_datamodelling.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/support.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/training/fit.hpp>

#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/options.hpp"
#include "support/table.hpp"

namespace {

using Dense = renn::Dense<float>;
using ReLU = renn::ReLU<float>;
using Net = renn::Network<Dense, ReLU, Dense, ReLU, Dense>;
using Data = renn::Dataset<float>;
using Matrix = renn::Batch<double>;
using Positions = std::vector<renn::Index>;

struct Options {
    std::string data, golden;
    std::vector<std::string> items{"datamodelling", "removal"};
    std::int64_t train = 2000, test = 200, subsets = 100, removals = 50;
    double remove = 0.05;
    int epochs = 20, repeats = 2;
    std::uint64_t seed = 7;
};

std::optional<Options> parse(int argc, char** argv) {
    CLI::App app(
        "Trains small networks again and again on parts of their training samples, and compares what that does with\n"
        "what votes and other scores of the samples say. Prints tables in Markdown:\n"
        "  datamodelling  linear datamodelling score: networks of random halves of the samples\n"
        "  removal        networks without the samples that a score puts first");
    Options options;
    add_measuring_options(app, options.items, options.data);
    app.add_option("--golden", options.golden,
                   "folder with model/ and lds_mlp/, arrays of one more network and of 40 retrained ones");
    app.add_option("--train", options.train, "training samples")->check(CLI::Range(20, 60000));
    app.add_option("--test", options.test, "queries of the datamodelling score")->check(CLI::Range(2, 10000));
    app.add_option("--subsets", options.subsets, "random halves")->check(CLI::Range(2, 10000));
    app.add_option("--remove", options.remove, "part of the training samples to leave out for a query")
        ->check(CLI::Range(0.0, 0.5));
    app.add_option("--removals", options.removals, "queries to leave samples out for")->check(CLI::Range(2, 10000));
    app.add_option("-e,--epochs", options.epochs, "of every training")->check(CLI::PositiveNumber);
    app.add_option("--repeats", options.repeats, "networks trained on each subset")->check(CLI::PositiveNumber);
    app.add_option("-s,--seed", options.seed, "of all draws");
    if (!parsed(app, argc, argv)) return std::nullopt;
    return options;
}

// Networks ------------------------------------------------------------------------------------------------------------

Net train(const Options& options, const Data& data, std::uint64_t seed) {
    Net net(Dense(data.features(), 32, renn::mix(seed, 1)), ReLU(), Dense(32, 16, renn::mix(seed, 2)), ReLU(),
            Dense(16, data.classes(), renn::mix(seed, 3)));
    renn::fit(net, data,
              {.epochs = options.epochs, .batch = 50, .optimizer = renn::Adam{.learning_rate = 2e-3}, .seed = seed});
    return net;
}

Matrix log_softmax(const renn::Batch<float>& logits) {
    Matrix z = logits.cast<double>();
    for (renn::Index j = 0; j < z.cols(); ++j) {
        const double most = z.col(j).maxCoeff();
        z.col(j).array() -= most + std::log((z.col(j).array() - most).exp().sum());
    }
    return z;
}

/// Log probability of the true label of every query, mean over networks of several seeds.
Eigen::RowVectorXd outputs_without(const Options& options, const Data& rest, const Data& queries, std::uint64_t seed) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(queries.samples());
    for (int r = 0; r < options.repeats; ++r) {
        const Net net = train(options, rest, renn::mix(seed, static_cast<std::uint64_t>(r)));
        const Matrix log_p = log_softmax(net.predict(queries.inputs()));
        for (renn::Index q = 0; q < queries.samples(); ++q) sum[q] += log_p(queries.label(q), q);
    }
    return sum / options.repeats;
}

/// A network, its training samples, and what networks of random halves of them did.
struct Problem {
    std::string name;
    Data train, queries;
    Net net;
    std::vector<Positions> subsets = {};
    Matrix outputs = {};  ///< subsets x queries
};

Positions draw(renn::Index from, renn::Index count, renn::Rng& rng) {
    Positions all(static_cast<std::size_t>(from));
    std::iota(all.begin(), all.end(), renn::Index{0});
    renn::shuffle(all, rng);
    all.resize(static_cast<std::size_t>(count));
    std::sort(all.begin(), all.end());
    return all;
}

void train_on_halves(const Options& options, Problem& problem) {
    renn::Rng rng(renn::mix(options.seed, 99));
    problem.outputs.resize(options.subsets, problem.queries.samples());
    for (std::int64_t m = 0; m < options.subsets; ++m) {
        problem.subsets.push_back(draw(problem.train.samples(), problem.train.samples() / 2, rng));
        problem.outputs.row(m) =
            outputs_without(options, problem.train.select(problem.subsets.back()), problem.queries, rng.bits());
    }
}

/// Ten classes of three overlapping clusters each in 20 dimensions.
Data clusters(renn::Index samples, std::uint64_t seed) {
    renn::Rng of_centres(5), rng(seed);
    renn::Batch<float> centres(20, 30), x(20, samples);
    for (renn::Index i = 0; i < centres.size(); ++i) centres.data()[i] = static_cast<float>(of_centres.normal());
    std::vector<std::int32_t> labels;
    for (renn::Index i = 0; i < samples; ++i) {
        const auto cluster = static_cast<renn::Index>(rng.below(30));
        labels.push_back(static_cast<std::int32_t>(cluster % 10));
        for (renn::Index d = 0; d < 20; ++d) x(d, i) = centres(d, cluster) + static_cast<float>(rng.normal());
    }
    return Data(x, {.labels = labels, .classes = 10});
}

/// The network and the 40 retrained ones of the reference values.
Problem read_golden(const std::string& folder) {
    const auto images = [&](const char* part) {
        const renn::Batch<float> bytes = renn::read_npy_batch<float>(folder + "/model/" + part + "_images.npy");
        return renn::Batch<float>(bytes / 255.0f);
    };
    const auto labels = [&](const char* part) {
        return renn::read_npy(folder + "/model/" + part + "_labels.npy").values_as<std::int32_t>();
    };
    const auto layer = [&](const std::string& number) {
        const renn::Batch<float> weights = renn::read_npy_batch<float>(folder + "/model/ckpt3_W" + number + ".npy");
        const renn::Batch<float> bias = renn::read_npy_batch<float>(folder + "/model/ckpt3_b" + number + ".npy");
        return Dense(Dense::Parameters{weights.transpose(), bias.col(0)});
    };
    const renn::NpyArray subsets = renn::read_npy(folder + "/lds_mlp/subsets.npy");
    const Matrix outputs = renn::read_npy_batch<double>(folder + "/lds_mlp/log_probability.npy").transpose();
    const Data test(images("test"), {.labels = labels("test"), .classes = 10});
    Problem problem{"reference", Data(images("train"), {.labels = labels("train"), .classes = 10}),
                    test.first(outputs.cols()), Net(layer("1"), ReLU(), layer("2"), ReLU(), layer("3"))};
    const auto positions = subsets.values_as<std::int64_t>();
    const auto each = static_cast<std::ptrdiff_t>(subsets.shape.at(1));
    for (auto at = positions.begin(); at != positions.end(); at += each) problem.subsets.emplace_back(at, at + each);
    problem.outputs = outputs;
    return problem;
}

// Scores --------------------------------------------------------------------------------------------------------------

/// What a method says of every training sample for every query; larger is more supportive.
struct Score {
    std::string name;
    Matrix values;  ///< training samples x queries
};

/// What scores are made of.
class Scores {
public:
    explicit Scores(const Problem& problem)
        : problem_(problem),
          traced_(problem.net),
          train_(renn::activations(problem.net, problem.train.inputs())),
          queries_(renn::activations(problem.net, problem.queries.inputs())) {
        traced_.record(problem.train);
        sign_.resize(samples(), queries());
        const double against = -1.0 / (problem.train.classes() - 1);
        for (renn::Index q = 0; q < queries(); ++q) {
            for (renn::Index s = 0; s < samples(); ++s) {
                sign_(s, q) = problem.train.label(s) == problem.queries.label(q) ? 1.0 : against;
            }
        }
        gradients();
    }

    /// +1 for the query's own class, -1 / (classes - 1) for the others.
    const Matrix& sign() const { return sign_; }
    Matrix with_sign(const Matrix& values) const { return values.cwiseProduct(sign_); }

    /// Of the last hidden layer.
    Matrix cosine() const {
        Matrix train = train_["relu2"].cast<double>(), query = queries_["relu2"].cast<double>();
        for (Matrix* m : {&train, &query}) {
            for (renn::Index j = 0; j < m->cols(); ++j) m->col(j) /= std::max(m->col(j).norm(), 1e-12);
        }
        return train.transpose() * query;
    }

    /// Influence functions of the last layer, weights and bias, damping 0.01.
    Matrix influence() const {
        const Matrix h = with_one(train_["relu2"]), ht = with_one(queries_["relu2"]);
        const Matrix p = log_softmax(train_.output()).array().exp();
        const renn::Index d = h.rows(), classes = p.rows();
        Matrix hessian = 0.01 * Matrix::Identity(d * classes, d * classes);
        for (renn::Index s = 0; s < samples(); ++s) {
            const Matrix inputs = h.col(s) * h.col(s).transpose() / static_cast<double>(samples());
            for (renn::Index a = 0; a < classes; ++a) {
                for (renn::Index b = 0; b < classes; ++b) {
                    hessian.block(a * d, b * d, d, d) += ((a == b ? p(a, s) : 0.0) - p(a, s) * p(b, s)) * inputs;
                }
            }
        }
        const auto outer = [&](const Matrix& error, const Matrix& input) {
            Matrix all(d * classes, input.cols());
            for (renn::Index a = 0; a < classes; ++a) {
                all.middleRows(a * d, d) = input.array().rowwise() * error.row(a).array();
            }
            return all;
        };
        return outer(error(train_, problem_.train), h).transpose() *
               hessian.ldlt().solve(outer(error(queries_, problem_.queries), ht));
    }

    enum class Weight { one, spread, gradient_times_activation };

    /// Votes of some places, those of a neuron times its weight.
    Matrix votes(std::int64_t k, const std::vector<std::string>& places, Weight weight = Weight::one) const {
        Matrix sum = Matrix::Zero(samples(), queries());
        const auto answers = traced_.retrace_activations(queries_, {.k = k, .post = true, .layers = places});
        for (renn::Index q = 0; q < queries(); ++q) {
            const auto& answer = answers[static_cast<std::size_t>(q)];
            std::size_t neuron = 0;
            for (const std::string& place : answer.layers()) {
                for (renn::Index u = 0; u < train_[place].rows(); ++u) {
                    const double w = weight_of(weight, place, u, q);
                    answer.for_each_vote(neuron++,
                                         [&](std::uint32_t s, double vote, double) { sum(s, q) += w * vote; });
                }
            }
        }
        return sum;
    }

    Matrix support(std::int64_t k, bool post) const {
        Matrix all(samples(), queries());
        const auto answers = traced_.retrace_activations(queries_, {.k = k, .pre = !post, .post = post});
        for (renn::Index q = 0; q < queries(); ++q) {
            const auto values = renn::support(answers[static_cast<std::size_t>(q)], problem_.queries.label(q));
            all.col(q) = Eigen::Map<const Eigen::VectorXd>(values.data(), samples());
        }
        return all;
    }

    renn::Index samples() const { return problem_.train.samples(); }
    renn::Index queries() const { return problem_.queries.samples(); }

private:
    static Matrix with_one(const renn::Batch<float>& values) {
        Matrix extended(values.rows() + 1, values.cols());
        extended << values.cast<double>(), Matrix::Ones(1, values.cols());
        return extended;
    }

    /// Derivative of the log probability of the true label by the logits.
    static Matrix error(const renn::Activations<float>& values, const Data& data) {
        Matrix e = -log_softmax(values.output()).array().exp();
        for (renn::Index j = 0; j < e.cols(); ++j) e(data.label(j), j) += 1.0;
        return e;
    }

    /// The same by every neuron, for the queries.
    void gradients() {
        const auto parameters = problem_.net.parameters();
        const auto below = [&](const auto& dense, const Matrix& above) {
            return Matrix(dense.weights.template cast<double>().transpose() * above);
        };
        const auto behind = [&](const char* relu, const Matrix& above) {
            return Matrix((queries_[relu].array() > 0.0f).select(above, 0.0));
        };
        gradients_ = {{"dense3", error(queries_, problem_.queries)}};
        gradients_["relu2"] = below(std::get<4>(parameters.layers), gradients_["dense3"]);
        gradients_["dense2"] = behind("relu2", gradients_["relu2"]);
        gradients_["relu1"] = below(std::get<2>(parameters.layers), gradients_["dense2"]);
        gradients_["dense1"] = behind("relu1", gradients_["relu1"]);
    }

    double weight_of(Weight weight, const std::string& place, renn::Index unit, renn::Index query) const {
        if (weight == Weight::one) return 1.0;
        if (weight == Weight::gradient_times_activation) {
            return std::abs(gradients_.at(place)(unit, query) * static_cast<double>(queries_[place](unit, query)));
        }
        const auto row = train_[place].row(unit).array();
        return std::sqrt(static_cast<double>((row - row.mean()).square().mean()));
    }

    const Problem& problem_;
    renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted> traced_;
    renn::Activations<float> train_, queries_;
    Matrix sign_;
    std::map<std::string, Matrix> gradients_;
};

const std::vector<std::string> pre{"dense1", "dense2", "dense3"}, post{"relu1", "relu2"};

/// Everything that the datamodelling score compares.
std::vector<Score> all_scores(const Problem& problem) {
    using Weight = Scores::Weight;
    const Scores make(problem);
    const std::int64_t few = 42, many = make.samples() / 10;
    const Matrix cosine = make.cosine();
    return {
        {"class alone", make.sign()},
        {"cosine of the last hidden layer", cosine},
        {"the same with the class's sign", make.with_sign(cosine)},
        {"last-layer influence", make.influence()},
        {"votes, pre, k = 42", make.votes(few, pre)},
        {"votes, post, k = 42", make.votes(few, post)},
        {"votes, pre, k = S / 10", make.votes(many, pre)},
        {"votes, post, k = S / 10", make.votes(many, post)},
        {"votes of dense1, k = S / 10", make.votes(many, {"dense1"})},
        {"votes of dense2, k = S / 10", make.votes(many, {"dense2"})},
        {"votes of dense3, k = S / 10", make.votes(many, {"dense3"})},
        {"votes by spread, pre, k = S / 10", make.votes(many, pre, Weight::spread)},
        {"votes by gradient x activation, pre, k = S / 10", make.votes(many, pre, Weight::gradient_times_activation)},
        {"support, pre, k = 42", make.support(few, false)},
        {"support, post, k = 42", make.support(few, true)},
        {"support, pre, k = S / 10", make.support(many, false)},
        {"support, post, k = S / 10", make.support(many, true)},
        {"support by spread, pre, k = S / 10", make.with_sign(make.votes(many, pre, Weight::spread))},
        {"support by gradient x activation, pre, k = S / 10",
         make.with_sign(make.votes(many, pre, Weight::gradient_times_activation))}};
}

void measure_datamodelling(const std::vector<Problem>& problems) {
    std::printf("## Linear datamodelling score: mean over queries +- its standard error\n\n");
    std::vector<std::string> head{"score"};
    std::vector<std::vector<std::string>> rows;
    for (const Problem& problem : problems) {
        head.push_back(problem.name);
        std::size_t row = 0;
        for (const Score& score : all_scores(problem)) {
            const auto result = renn::linear_datamodelling_score(score.values, problem.subsets, problem.outputs);
            if (row == rows.size()) rows.push_back({score.name});
            rows[row++].push_back(fixed(result.mean, 3) + " +- " + fixed(result.standard_error, 3));
        }
        std::printf("%s: %s samples, %s queries, %zu random halves.\n\n", problem.name.c_str(),
                    count_text(problem.train.samples()).c_str(), count_text(problem.queries.samples()).c_str(),
                    problem.subsets.size());
    }
    Table table(head);
    for (auto& row : rows) table.add(std::move(row));
    table.print();
}

/// Positions of the samples with the highest scores, equal ones in a random order.
Positions highest(const Eigen::VectorXd& score, renn::Index count, renn::Rng& rng) {
    Positions order(static_cast<std::size_t>(score.size()));
    std::iota(order.begin(), order.end(), renn::Index{0});
    renn::shuffle(order, rng);
    std::stable_sort(order.begin(), order.end(), [&](renn::Index a, renn::Index b) { return score[a] > score[b]; });
    order.resize(static_cast<std::size_t>(count));
    return order;
}

void measure_removal(const Options& options, const Problem& problem) {
    const Scores make(problem);
    const auto count = static_cast<renn::Index>(options.remove * static_cast<double>(make.samples()));
    const std::int64_t many = make.samples() / 10;
    const std::vector<Score> scores{{"random", Matrix::Zero(make.samples(), make.queries())},
                                    {"random of the query's class", make.sign()},
                                    {"cosine of the last hidden layer", make.cosine()},
                                    {"last-layer influence", make.influence()},
                                    {"votes, pre, k = 42", make.votes(42, pre)},
                                    {"votes, post, k = 42", make.votes(42, post)},
                                    {"votes, pre, k = S / 10", make.votes(many, pre)},
                                    {"support, pre, k = S / 10", make.support(many, false)}};
    renn::Rng rng(renn::mix(options.seed, 17));
    Options often = options;
    often.repeats = 10;
    const Eigen::RowVectorXd whole = outputs_without(often, problem.train, problem.queries, rng.bits());
    std::printf("## Leaving out the %d first of %s samples and training again: %s, %s queries\n\n",
                static_cast<int>(count), count_text(make.samples()).c_str(), problem.name.c_str(),
                count_text(make.queries()).c_str());
    Table table({"left out", "change of log probability", "of the query's class in %"});
    for (const Score& score : scores) {
        std::vector<double> changes;
        double same = 0.0;
        for (renn::Index q = 0; q < make.queries(); ++q) {
            Positions rest(static_cast<std::size_t>(make.samples()));
            std::iota(rest.begin(), rest.end(), renn::Index{0});
            for (const renn::Index s : highest(score.values.col(q), count, rng)) {
                rest[static_cast<std::size_t>(s)] = -1;
                same += problem.train.label(s) == problem.queries.label(q) ? 1.0 : 0.0;
            }
            std::erase(rest, -1);
            const Data query = problem.queries.select(Positions{q});
            changes.push_back(outputs_without(options, problem.train.select(rest), query, rng.bits())[0] - whole[q]);
        }
        double squares = 0.0;
        const double mean = mean_of(changes);
        for (const double c : changes) squares += (c - mean) * (c - mean);
        const auto n = static_cast<double>(changes.size());
        table.add({score.name, fixed(mean, 3) + " +- " + fixed(std::sqrt(squares / (n - 1) / n), 3),
                   percent(same / n / static_cast<double>(count), 1)});
    }
    table.print();
}

void run(const Options& options, const char* program) {
    const auto wanted = [&](const char* item) {
        return std::find(options.items.begin(), options.items.end(), item) != options.items.end();
    };
    const mnist::Digits digits = mnist::load_or_find(options.data, program, options.train, options.test);
    const Data drawn = clusters(options.train / 2, 11), asked = clusters(options.test, 12);
    std::vector<Problem> problems;
    problems.push_back({"MNIST", digits.train, digits.test, train(options, digits.train, options.seed)});
    problems.push_back({"clusters", drawn, asked, train(options, drawn, options.seed)});
    if (wanted("datamodelling")) {
        for (Problem& problem : problems) train_on_halves(options, problem);
        if (!options.golden.empty()) problems.push_back(read_golden(options.golden));
        measure_datamodelling(problems);
    }
    if (wanted("removal")) {
        for (Problem& problem : problems) {
            if (problem.name == "reference") continue;
            problem.queries = problem.queries.first(std::min(problem.queries.samples(), options.removals));
            measure_removal(options, problem);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("retraining", [&] {
        const std::optional<Options> options = parse(argc, argv);
        if (options) run(*options, argv[0]);
    });
}
