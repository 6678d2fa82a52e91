// SPDX-License-Identifier: MIT
// playground/http/connection.hpp - one client: reads its requests, has them answered on the pool, sends the answers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "event_stream.hpp"
#include "files.hpp"
#include "guard.hpp"
#include "router.hpp"

namespace playground {

/// What all connections share.
struct Shared {
    Router router;
    Files files;
    Guard guard;
    boost::asio::thread_pool workers;
    std::atomic<std::size_t> connections = 0;
    std::shared_ptr<std::atomic<std::uint64_t>> large_bodies = std::make_shared<std::atomic<std::uint64_t>>(0);

    Shared(Router routes, Files page, Guard gate, std::size_t threads)
        : router(std::move(routes)), files(std::move(page)), guard(std::move(gate)), workers(threads) {}

    /// 404 or 405; none for what is answered otherwise.
    std::optional<Response> refusal(const Request& request) const;
    /// A large body's part of what all of them may take; null if that is spent.
    std::shared_ptr<const void> share_of(std::uint64_t bytes) const;
};

/// Everything of it happens on the thread that runs the io_context, but for handlers.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
        : stream_(std::move(socket)), shared_(std::move(shared)) {
        ++shared_->connections;
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { --shared_->connections; }

    void read_head();
    /// For one too many.
    void turn_away();
    void close();

private:
    using Error = boost::beast::error_code;
    static constexpr std::uint32_t most_head = 16 * 1024;

    boost::beast::tcp_stream stream_;
    boost::beast::flat_buffer buffer_{most_head + 64 * 1024};
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    std::optional<boost::beast::http::response<boost::beast::http::string_body>> answer_;
    std::optional<EventStream> events_;
    Request request_;
    bool only_head_ = false;
    std::shared_ptr<Shared> shared_;

    void on_head(Error ec);
    /// What is wrong with a request already before its body came; if nothing, all is set for the body.
    std::optional<Response> refusal_of_head();
    void read_body();
    void work();
    void refuse(unsigned status, const std::string& kind, const std::string& message);
    void answer(Response response, bool may_go_on);
    /// Ends, but takes for a while what still comes: to close with something unread would be a reset, which makes a
    /// client forget the answer that it has not read yet.
    void part();
    void discard();
    void send_events(std::shared_ptr<EventQueue> events);
};

}  // namespace playground
