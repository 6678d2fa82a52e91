// SPDX-License-Identifier: MIT
// retraining/scores.hpp - what votes and other methods say of every training sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <Eigen/Cholesky>

#include <renn/index/sorted.hpp>
#include <renn/retrace/support.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/activations.hpp>

#include "problems.hpp"
#include "setup.hpp"

namespace retraining {

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

inline const std::vector<std::string> pre{"dense1", "dense2", "dense3"}, post{"relu1", "relu2"};

}  // namespace retraining
