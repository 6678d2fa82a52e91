// SPDX-License-Identifier: MIT
// playground/running.hpp - the playground's server in this process, with its real routes and small data.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "app/app.hpp"
#include "app/make_network.hpp"
#include "app/model.hpp"
#include "http/server.hpp"

namespace playground {

/// A folder with a small MNIST: images of 28 x 28 of a few pixels each, ten classes.
class SmallData {
public:
    explicit SmallData(unsigned train = 200, unsigned test = 50)
        : folder_(std::filesystem::temp_directory_path() / ("renn-playground-" + random_name())) {
        std::filesystem::create_directory(folder_);
        write("train", train);
        write("t10k", test);
    }
    SmallData(const SmallData&) = delete;
    SmallData& operator=(const SmallData&) = delete;
    ~SmallData() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    std::string folder() const { return folder_.string(); }

private:
    std::filesystem::path folder_;

    static std::string random_name() {
        return std::to_string(::getpid()) + "-" +
               std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    static std::string big_endian(std::uint32_t n) {
        return {static_cast<char>(n >> 24U & 255U), static_cast<char>(n >> 16U & 255U),
                static_cast<char>(n >> 8U & 255U), static_cast<char>(n & 255U)};
    }
    void write(const std::string& part, std::uint32_t n) const {
        std::string images = big_endian(0x803) + big_endian(n) + big_endian(28) + big_endian(28);
        std::string labels = big_endian(0x801) + big_endian(n);
        for (std::uint32_t i = 0; i < n; ++i) {
            std::string pixels(28UL * 28UL, '\0');
            for (std::uint32_t j = 0; j < 40; ++j) pixels[(i % 10 * 70 + j * (i / 10 % 3 + 1)) % 784] = '\x7f';
            images += pixels;
            labels += static_cast<char>(i % 10);
        }
        std::ofstream(folder_ / (part + "-images-idx3-ubyte"), std::ios::binary) << images;
        std::ofstream(folder_ / (part + "-labels-idx1-ubyte"), std::ios::binary) << labels;
    }
};

/// The real server with the real routes, running.
class Running {
public:
    explicit Running(std::size_t most_connections = 256)
        : app({.data = data_.folder()}),
          server({.most_connections = most_connections, .until_signal = false}, make_router(app),
                 {{"/index.html", {"text/html", "<title>page</title>"}}}),
          thread_([this] { server.run(); }) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { stop(); }

    void stop() {
        server.stop();
        if (thread_.joinable()) thread_.join();
    }

    std::string host() const { return "127.0.0.1:" + std::to_string(server.port()); }
    /// Gives a session a network that was recorded, as training leaves it.
    void give_model(Session& session) {
        const auto set = app.data.get("mnist");
        const std::lock_guard lock(mutex_);
        if (!model_) {
            Traced traced(make_network({}, *set, 1));
            traced.record(set->train);
            traced.index().build();
            model_ = std::make_shared<const Model>(
                Model{.traced = std::move(traced), .train = set->train, .test = set->test});
        }
        session.update([&](Snapshot& s) {
            s.data = set;
            s.model = model_;
        });
    }
    /// A request as the page sends it.
    std::string request(const std::string& method, const std::string& target, const std::string& body = "",
                        const std::string& more = "") const {
        std::string text = method + " " + target + " HTTP/1.1\r\nHost: " + host() +
                           "\r\nSec-Fetch-Site: same-origin\r\nX-Renn-Token: " + server.token() + "\r\n" + more;
        if (!body.empty() || method == "POST" || method == "PUT") {
            text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
        }
        return text + "\r\n" + body;
    }

private:
    SmallData data_;

public:
    App app;
    Server server;

private:
    std::mutex mutex_;
    std::shared_ptr<const Model> model_;
    std::thread thread_;
};

}  // namespace playground
