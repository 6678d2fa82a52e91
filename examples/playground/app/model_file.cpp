// SPDX-License-Identifier: MIT
#include "model_file.hpp"

#include <sstream>
#include <string_view>
#include <type_traits>
#include <utility>

#include <renn/io/save.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/network/summary.hpp>

#include "watched_text.hpp"

namespace playground {
namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw HttpError(422, "file", message);
}

/// A file of a few bytes can describe layers of any size: what a sample would cost is bounded before one is run.
void check_size(const Net& net, const DataSet& data) {
    constexpr int most_layers = 256;
    constexpr double most_values = 1 << 20, most_work = 1 << 30;
    int layers = 0;
    auto width = static_cast<double>(data.train.features());
    double values = 0.0, work = 0.0;
    renn::for_each_layer(net, [&](std::string_view path, const auto& layer, const auto&) {
        if (path.size() > 200) refuse("a layer in this file has a name of more than 200 characters");
        const double before = width;
        if constexpr (requires { layer.out_features(); }) width = static_cast<double>(layer.out_features());
        if constexpr (requires { layer.window(); }) {
            // Not taps(), which is a product of whole numbers.
            const auto& window = layer.window();
            work += width * static_cast<double>(window.kernel.height) * static_cast<double>(window.kernel.width) *
                    static_cast<double>(window.in.channels);
        } else if constexpr (requires { requires std::remove_cvref_t<decltype(layer)>::connects_all; }) {
            work += width * before;
        }
        values += width;
        ++layers;
    });
    if (layers > most_layers) {
        refuse("this network has " + std::to_string(layers) + " layers, where at most " + std::to_string(most_layers) +
               " can be recorded here");
    }
    if (values > most_values || work > most_work) {
        refuse(
            "this network is too large to be recorded here: it makes more than a million values, or takes more than "
            "a billion multiplications, a sample");
    }
}

}  // namespace

std::string write_network(const Net& net) {
    std::ostringstream out;
    renn::save(out, net);
    return std::move(out).str();
}

Net read_network(std::string_view bytes, const DataSet& data, const renn::ProgressCallback& progress) {
    WatchedText in(bytes, progress);
    Net net;
    try {
        net = renn::load<Net>(in);
    } catch (const renn::Error& error) {
        const std::string_view said = error.what(), load = "load: ";
        refuse("this file cannot be read as a network: " +
               std::string(said.substr(0, load.size()) == load ? said.substr(load.size()) : said));
    }
    if (in.peek() != std::istream::traits_type::eof()) {
        refuse("this file cannot be read as a network: more bytes follow it");
    }
    const auto fit = [&](renn::Index got, renn::Index wanted, const char* does, const char* has) {
        if (got == wanted) return;
        refuse("this network " + std::string(does) + " " +
               (got == renn::Dynamic ? "any number of values" : std::to_string(got) + " values") + ", and " + has +
               data.title + " " + std::to_string(wanted));
    };
    fit(net.in_features(), data.train.features(), "takes", "a sample of ");
    fit(net.out_features(), outputs_for(data), "puts out", "what is wanted of ");
    check_size(net, data);
    return net;
}

NetworkCost cost_of(const Net& net, const DataSet& data) {
    const renn::Summary summary = renn::summary(net);
    NetworkCost cost;
    cost.parameters = static_cast<std::uint64_t>(summary.parameters());
    cost.values = static_cast<std::uint64_t>(summary.store_bytes()) / sizeof(float);
    cost.fixed_bytes = sizeof(float) * cost.parameters + data.test.bytes();
    add_sample_bytes(cost, data);
    return cost;
}

}  // namespace playground
