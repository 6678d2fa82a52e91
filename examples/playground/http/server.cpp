// SPDX-License-Identifier: MIT
#include "server.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "connection.hpp"

namespace playground {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Server::Impl {
    using Error = boost::system::error_code;

    asio::io_context io{1};
    tcp::acceptor acceptor{io};
    asio::signal_set signals{io};
    asio::steady_timer pause{io};
    std::string token = random_token();
    std::size_t most_connections;
    std::shared_ptr<Shared> shared;
    std::vector<std::weak_ptr<Connection>> connections;

    Impl(const ServerOptions& options, Router router, std::map<std::string, Asset> assets)
        : most_connections(options.most_connections) {
        const tcp::endpoint here(asio::ip::address_v4::loopback(), options.port);
        Error failed;
        acceptor.open(here.protocol());
        acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind(here, failed);
        if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
        if (failed == asio::error::address_in_use) throw PortTaken(options.port);
        if (failed) {
            throw std::runtime_error("port " + std::to_string(options.port) + " of 127.0.0.1: " + failed.message());
        }
        // A browser that is started from here must not keep the port when this program has ended.
        ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
        const int threads =
            options.threads > 0 ? options.threads : std::max(4, static_cast<int>(std::thread::hardware_concurrency()));
        shared =
            std::make_shared<Shared>(std::move(router), Files(std::move(assets)),
                                     Guard(acceptor.local_endpoint().port(), token), static_cast<std::size_t>(threads));
        if (options.until_signal) {
            signals.add(SIGINT);
            signals.add(SIGTERM);
            signals.async_wait([this](Error ec, int) {
                if (ec) return;
                Error ignored;
                signals.clear(ignored);  // the second ends the program at once
                io.stop();
            });
        }
        accept();
    }

    void accept() {
        acceptor.async_accept([this](Error ec, tcp::socket socket) {
            if (ec == asio::error::operation_aborted) return;
            if (ec) {  // no descriptor is left: to try again at once would take all of a core
                pause.expires_after(std::chrono::milliseconds(50));
                pause.async_wait([this](Error stopped) {
                    if (!stopped) accept();
                });
                return;
            }
            take(std::move(socket));
            accept();
        });
    }

    void take(tcp::socket socket) {
        constexpr std::size_t most_turned_away = 64;  // at once; what is beyond is not even told
        const std::size_t now = shared->connections;
        if (now >= most_connections + most_turned_away) return;
        Error ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        const auto connection = std::make_shared<Connection>(std::move(socket), shared);
        if (connections.size() > 2 * now + 16) std::erase_if(connections, [](const auto& c) { return c.expired(); });
        connections.push_back(connection);
        if (now < most_connections) {
            connection->read_head();
        } else {
            connection->turn_away();
        }
    }

    void run() {
        for (;;) {
            try {
                io.run();
                break;
            } catch (const std::exception& e) {  // memory, most likely; that connection is gone, the others go on
                std::fprintf(stderr, "a connection was lost: %s\n", e.what());
            }
        }
        for (const auto& connection : connections) {
            if (const auto alive = connection.lock()) alive->close();
        }
        Error ignored;
        acceptor.close(ignored);
    }
};

Server::Server(const ServerOptions& options, Router router, std::map<std::string, Asset> assets)
    : impl_(std::make_unique<Impl>(options, std::move(router), std::move(assets))),
      port_(impl_->acceptor.local_endpoint().port()) {}

Server::~Server() {
    impl_->shared->workers.stop();
    impl_->shared->workers.join();
}

const std::string& Server::token() const {
    return impl_->token;
}
std::string Server::address() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/?token=" + impl_->token;
}
std::size_t Server::connections() const {
    return impl_->shared->connections;
}
void Server::run() {
    impl_->run();
}
void Server::stop() {
    impl_->io.stop();
}

}  // namespace playground
