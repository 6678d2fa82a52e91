// SPDX-License-Identifier: MIT
// playground/http/server.hpp - an HTTP server for the page's own user: loopback only, bounded in everything.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "router.hpp"

namespace playground {

struct ServerOptions {
    unsigned short port = 0;  ///< 0: any that is free
    int threads = 0;          ///< that handlers run on; 0: one a core, at least 4
    std::size_t most_connections = 256;
    bool until_signal = true;  ///< an interrupt or termination signal ends run()
};

class PortTaken : public std::runtime_error {
public:
    explicit PortTaken(unsigned short port)
        : std::runtime_error("port " + std::to_string(port) + " of 127.0.0.1 is taken by another program") {}
};

/// Answers on 127.0.0.1: assets by path, everything under /api by the router, on a pool of threads.
class Server {
public:
    /// Throws PortTaken if it is, std::runtime_error if the port cannot be had for another reason.
    Server(const ServerOptions& options, Router router, std::map<std::string, Asset> assets);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    unsigned short port() const noexcept { return port_; }
    const std::string& token() const;
    /// The address to open: http://127.0.0.1:PORT/?token=TOKEN
    std::string address() const;

    /// How many are open.
    std::size_t connections() const;

    /// Serves until stop() is called or, if so chosen, a signal comes. Then all connections are closed.
    void run();
    /// From any thread.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    unsigned short port_;
};

}  // namespace playground
