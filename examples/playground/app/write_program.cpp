// SPDX-License-Identifier: MIT
#include "write_program.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

#include "lay_out.hpp"

namespace playground {
namespace {

/// The shortest text that is read as the same number; as C++ writes a double.
std::string exact(double value) {
    std::array<char, 32> text{};
    const char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    std::string result(text.data(), static_cast<std::size_t>(end - text.data()));
    if (result.find_first_of(".e") == std::string::npos) result += ".0";
    return result;
}

std::string text(std::int64_t n) {
    return std::to_string(n);
}

/// One layer: its type, and how it is made.
struct Written {
    std::string type, value;
};

std::string shape(const renn::Shape& s) {
    return "{" + text(s.channels) + ", " + text(s.height) + ", " + text(s.width) + "}";
}

Written write(const PlannedLayer& layer) {
    const LayerPlan& plan = layer.plan;
    const std::string draw = "renn::mix(seed, " + std::to_string(layer.seed_number) + ")";
    const std::string window =
        ".kernel = " + text(plan.kernel) + ", .stride = " + text(plan.stride) + ", .padding = " + text(plan.padding);
    if (layer.kind == "Dense") {
        const std::string type = "renn::Dense<float, " + text(layer.in.size()) + ", " + text(layer.out.size()) + ">";
        return {type, type + "(" + draw + ")"};
    }
    const std::string type = "renn::" + layer.kind + "<float>";
    if (layer.kind == "Conv2d") {
        return {type, type + "(" + shape(layer.in) + ", {.channels = " + text(plan.size) + ", " + window + "}, " +
                          draw + ")"};
    }
    if (plan.pools()) return {type, type + "(" + shape(layer.in) + ", {" + window + "})"};
    if (layer.kind == "Dropout") return {type, type + "(" + exact(plan.rate) + ")"};
    if (layer.kind == "BatchNorm" && layer.image) return {type, type + "(renn::Shape" + shape(layer.in) + ")"};
    if (layer.kind == "BatchNorm" || layer.kind == "LayerNorm") {
        return {type, type + "(renn::Index{" + text(layer.in.size()) + "})"};
    }
    return {type, type + "()"};
}

/// Items with what joins them, broken before column 118.
std::string joined(const std::vector<std::string>& items, const std::string& indent) {
    std::string result, line = indent;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string piece = items[i] + (i + 1 < items.size() ? "," : "");
        if (line.size() > indent.size() && line.size() + 1 + piece.size() > 118) {
            result += line + "\n";
            line = indent;
        }
        line += (line.size() > indent.size() ? " " : "") + piece;
    }
    return result + line;
}

struct Reading {
    std::string usage;  ///< of the arguments
    std::string code;   ///< defines `train_set` and `test_set`
    std::string includes;
};

Reading reading(const DataSet& data, const ProgramOptions& options) {
    const std::string train = text(options.train), test = text(options.test);
    if (data.name == "hsv_rgb") {
        const auto grid = text(data.train.samples());
        return {"",
                "        // The grid of the colours, and others between them.\n"
                "        const auto train_set = renn::hsv_rgb_grid<float>(" +
                    grid + ").first(" + train +
                    ");\n"
                    "        const auto test_set = renn::hsv_rgb_random<float>(" +
                    text(data.test.samples()) + ", 1).first(" + test + ");\n",
                "#include <renn/data/hsv_rgb.hpp>\n"};
    }
    if (data.name == "mnist") {
        return {"FOLDER, where train-images-idx3-ubyte and its companions are",
                "        const std::string folder = argc > 1 ? argv[1] : \".\";\n"
                "        const auto train_set = renn::read_idx<float>(folder + \"/train-images-idx3-ubyte\",\n"
                "                                                     folder + \"/train-labels-idx1-ubyte\", " +
                    train +
                    ");\n"
                    "        const auto test_set = renn::read_idx<float>(folder + \"/t10k-images-idx3-ubyte\",\n"
                    "                                                    folder + \"/t10k-labels-idx1-ubyte\", " +
                    test + ");\n",
                ""};
    }
    return {"TRAIN TEST, the data as renn::save writes a Dataset<float>",
            "        if (argc != 3) throw renn::DataError(\"usage: network TRAIN TEST\");\n"
            "        const auto train_set = renn::load<renn::Dataset<float>>(argv[1]).first(" +
                train +
                ");\n"
                "        const auto test_set = renn::load<renn::Dataset<float>>(argv[2]).first(" +
                test + ");\n",
            ""};
}

std::string optimizer(const ProgramOptions& options) {
    if (options.optimizer == "SGD") {
        return "renn::Sgd{.learning_rate = " + exact(options.learning_rate) +
               (options.momentum > 0.0 ? ", .momentum = " + exact(options.momentum) : "") + "}";
    }
    return "renn::" + options.optimizer + "{.learning_rate = " + exact(options.learning_rate) + "}";
}

std::int64_t whole(const Json& json, const char* key, std::int64_t least, std::int64_t most, std::int64_t value) {
    if (!json.contains(key)) return std::clamp(value, least, most);
    const Json& got = json[key];
    const bool fits = got.is_number_integer() &&
                      (!got.is_number_unsigned() || got.get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
    if (!fits || got.get<std::int64_t>() < least || got.get<std::int64_t>() > most) {
        throw HttpError(422, key,
                        std::string(key) + ": expected a whole number from " + text(least) + " to " + text(most));
    }
    return got.get<std::int64_t>();
}

double real(const Json& json, const char* key, double least, double most, double value) {
    if (!json.contains(key)) return value;
    const Json& got = json[key];
    if (!got.is_number() || !(got.get<double>() >= least && got.get<double>() <= most)) {
        throw HttpError(422, key, std::string(key) + ": expected a number from " + exact(least) + " to " + exact(most));
    }
    return got.get<double>();
}

std::string one_of(const Json& json, const char* key, std::initializer_list<const char*> names) {
    if (!json.contains(key)) return *names.begin();
    std::string all;
    for (const char* name : names) {
        if (json[key] == name) return name;
        all += (all.empty() ? "" : ", ") + std::string(name);
    }
    throw HttpError(422, key, std::string(key) + ": expected one of " + all);
}

}  // namespace

ProgramOptions parse_program_options(const Json& json, const DataSet& data) {
    ProgramOptions options;
    options.epochs = whole(json, "epochs", 1, 1000, options.epochs);
    options.train = whole(json, "train", 1, std::max<std::int64_t>(1, data.train.samples()), options.train);
    options.test = whole(json, "test", 1, std::max<std::int64_t>(1, data.test.samples()), options.test);
    options.batch = whole(json, "batch", 1, options.train, options.batch);
    options.learning_rate = real(json, "learning_rate", 1e-7, 10.0, options.learning_rate);
    options.momentum = real(json, "momentum", 0.0, 0.999, options.momentum);
    options.loss = one_of(json, "loss", {"MSE", "Cross-Entropy"});
    options.optimizer = one_of(json, "optimizer", {"Adam", "AdamW", "SGD"});
    return options;
}

std::string write_program(const NetworkPlan& plan, const DataSet& data, std::uint64_t seed,
                          const ProgramOptions& options) {
    std::vector<std::string> types, values;
    for (const PlannedLayer& layer : lay_out(plan, data)) {
        auto [type, value] = write(layer);
        types.push_back(std::move(type));
        values.push_back(std::move(value));
    }
    const Reading read = reading(data, options);
    const bool labelled = data.train.has_labels();
    const std::string loss = options.loss == "MSE" ? "renn::MeanSquaredError{}" : "renn::CrossEntropy{}";

    std::string out;
    out +=
        "// A network composed in the renn playground: trained, recorded, and one prediction retraced.\n"
        "//     g++ -std=c++20 -O3 -march=native -I renn/include -I /usr/include/eigen3 network.cpp -o network "
        "-pthread\n"
        "//     ./network" +
        (read.usage.empty() ? "" : " " + read.usage) + "\n#include <cstdint>\n#include <cstdio>\n";
    if (data.name != "hsv_rgb") out += "#include <string>\n";
    out += "#include <utility>\n\n" + read.includes + "#include <renn/renn.hpp>\n\n";
    out += "constexpr std::uint64_t seed = " + std::to_string(seed) + ";\n\n";
    out += "using Net = renn::Network<\n" + joined(types, "    ") + ">;\n\n";
    out +=
        "/// The network before training: the same seeds, the same weights as in the playground.\n"
        "inline Net make_network() {\n    return Net(\n" +
        joined(values, "        ") + ");\n}\n\n";
    out +=
        "inline renn::Training train(Net& net, const renn::Dataset<float>& train_set,\n"
        "                            const renn::Dataset<float>& test_set) {\n"
        "    renn::FitOptions options{.epochs = " +
        text(options.epochs) + ", .batch = " + text(options.batch) +
        "};\n"
        "    options.loss = " +
        loss +
        ";\n"
        "    options.optimizer = " +
        optimizer(options) +
        ";\n"
        "    options.seed = seed;\n"
        "    options.threads = 0;  // every core; the weights are the same for any number\n"
        "    options.on_epoch = [](const renn::Epoch& epoch) {\n"
        "        std::printf(\"epoch %3d  loss %.6f  test loss %.6f" +
        std::string(labelled ? "  accuracy %.2f %%" : "") +
        "\\n\", epoch.number, epoch.loss,\n                    epoch.validation_loss" +
        (labelled ? ", 100.0 * epoch.validation_accuracy" : "") +
        ");\n"
        "        return true;\n"
        "    };\n"
        "    return renn::fit(net, train_set, test_set, options);\n"
        "}\n\n";
    const bool arguments = data.name != "hsv_rgb";
    out += std::string("int main(") + (arguments ? "int argc, char** argv" : "") + ") {\n    try {\n" + read.code +
           "\n        Net net = make_network();\n"
           "        train(net, train_set, test_set);\n\n"
           "        // What every neuron does for every training sample, and an index over it.\n"
           "        renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted> traced(std::move(net));\n"
           "        traced.record(train_set);\n\n"
           "        // On which training samples does the answer to the first test sample rest?\n"
           "        const auto answer = traced.retrace(test_set.input(0), {.k = " +
           text(std::min<std::int64_t>(42, options.train)) + "});\n";
    if (labelled) {
        out +=
            "        std::printf(\"the first test sample is %d, the network says %d\\n\", test_set.label(0),\n"
            "                    answer.prediction());\n";
    } else {
        out +=
            "        const auto output = traced.network().predict(test_set.input(0));\n"
            "        for (renn::Index i = 0; i < output.rows(); ++i) {\n"
            "            std::printf(\"output %d: %.4f, wanted %.4f\\n\", static_cast<int>(i), "
            "static_cast<double>(output(i, 0)),\n"
            "                        static_cast<double>(test_set.targets()(i, 0)));\n"
            "        }\n";
    }
    out +=
        "        for (const renn::Source& source : answer.top(5)) {\n"
        "            std::printf(\"training sample %llu" +
        std::string(labelled ? " (%d)" : "") +
        " has %.2f %% of the votes\\n\",\n"
        "                        static_cast<unsigned long long>(source.id)" +
        (labelled ? ", source.label" : "") +
        ", 100.0 * source.share);\n"
        "        }\n"
        "        return 0;\n"
        "    } catch (const renn::Error& error) {\n"
        "        std::fprintf(stderr, \"%s\\n\", error.what());\n"
        "        return 1;\n"
        "    }\n"
        "}\n";
    return out;
}

}  // namespace playground
