// SPDX-License-Identifier: MIT
#include "train_options.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "data_set.hpp"

namespace playground {
namespace {

[[noreturn]] void refuse(const char* field, const std::string& message) {
    throw HttpError(422, field, message);
}

void read_whole(const Json& json, const char* field, std::int64_t least, std::int64_t most, const std::string& why,
                std::int64_t& value) {
    const auto found = json.find(field);
    if (found == json.end()) return;
    const std::string expected =
        "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most) + why;
    // Anything above the largest signed number is above every limit.
    const bool fits = found->is_number_integer() &&
                      (!found->is_number_unsigned() || found->get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
    if (!fits || found->get<std::int64_t>() < least || found->get<std::int64_t>() > most) {
        refuse(field,
               "got " + found->dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 40) + ", " + expected);
    }
    value = found->get<std::int64_t>();
}

void read_number(const Json& json, const char* field, double least, double most, const char* expected, double& value) {
    const auto found = json.find(field);
    if (found == json.end()) return;
    if (!found->is_number() || !(found->get<double>() >= least && found->get<double>() <= most)) {
        refuse(field, std::string("expected a number from ") + expected);
    }
    value = found->get<double>();
}

template <std::size_t N>
void read_choice(const Json& json, const char* field, const std::array<const char*, N>& choices, std::string& value) {
    const auto found = json.find(field);
    if (found == json.end()) return;
    const auto same = [&](const char* choice) { return *found == choice; };
    if (std::ranges::any_of(choices, same)) {
        value = found->get<std::string>();
        return;
    }
    std::string expected;
    for (const char* choice : choices) expected += expected.empty() ? choice : std::string(" or ") + choice;
    refuse(field, "expected " + expected);
}

}  // namespace

renn::AnyLoss TrainOptions::any_loss() const {
    if (loss == "MSE") return renn::MeanSquaredError{};
    return renn::CrossEntropy{};
}

renn::AnyOptimizer TrainOptions::any_optimizer() const {
    if (optimizer == "SGD") return renn::Sgd{.learning_rate = learning_rate, .momentum = momentum};
    if (optimizer == "AdamW") return renn::AdamW{.learning_rate = learning_rate};
    return renn::Adam{.learning_rate = learning_rate};
}

TrainOptions parse_train_options(const Json& json, const DataSet& data) {
    TrainOptions options;
    std::int64_t epochs = options.epochs;
    read_whole(json, "epochs", 1, 1000, "", epochs);
    options.epochs = static_cast<int>(epochs);
    read_number(json, "learning_rate", 1e-7, 10.0, "0.0000001 to 10", options.learning_rate);

    const auto read_set = [&](const char* field, const char* batch_field, std::int64_t available, std::int64_t& samples,
                              std::int64_t& batch) {
        if (available < 1) refuse(field, "the data set has no samples for this");
        samples = std::min(samples, available);
        read_whole(json, field, 1, available, ", all there are", samples);
        batch = std::min(batch, samples);
        read_whole(json, batch_field, 1, samples, ", the samples chosen", batch);
    };
    read_set("train", "batch", data.train.samples(), options.train, options.batch);
    read_set("test", "test_batch", data.test.samples(), options.test, options.test_batch);

    read_choice(json, "loss", std::array{"MSE", "Cross-Entropy"}, options.loss);
    if (options.loss == "Cross-Entropy" && data.train.has_targets()) {
        refuse("loss", "these data ask for values, not classes: only MSE can be used");
    }
    read_choice(json, "optimizer", std::array{"Adam", "AdamW", "SGD"}, options.optimizer);
    read_number(json, "momentum", 0.0, 0.999, "0 to 0.999", options.momentum);
    if (const auto further = json.find("further"); further != json.end()) {
        if (!further->is_boolean()) refuse("further", "expected true or false");
        options.further = further->get<bool>();
    }
    return options;
}

Json describe(const TrainOptions& options) {
    return {{"epochs", options.epochs},    {"learning_rate", options.learning_rate},
            {"train", options.train},      {"test", options.test},
            {"batch", options.batch},      {"test_batch", options.test_batch},
            {"loss", options.loss},        {"optimizer", options.optimizer},
            {"momentum", options.momentum}};
}

}  // namespace playground
