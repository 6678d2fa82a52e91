// SPDX-License-Identifier: MIT
// playground/http/event_stream.hpp - sends events down a connection, as they come, until one of the two ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

#include "events.hpp"

namespace playground {

/// A part of the connection that owns it, and lives as long as that does.
class EventStream {
public:
    /// The queue may be null if only the head is sent.
    EventStream(boost::beast::tcp_stream& stream, std::shared_ptr<EventQueue> queue, std::weak_ptr<void> owner);

    /// Sends the head, and calls `begun` if that succeeded.
    void begin(std::function<void()> begun);
    /// Sends what comes.
    void follow();
    void close();

private:
    using Error = boost::beast::error_code;

    boost::beast::tcp_stream& stream_;
    std::shared_ptr<EventQueue> queue_;
    std::weak_ptr<void> owner_;
    std::optional<boost::beast::http::response<boost::beast::http::empty_body>> head_;
    std::optional<boost::beast::http::response_serializer<boost::beast::http::empty_body>> serializer_;
    boost::asio::steady_timer heartbeat_;
    std::string sending_;
    bool busy_ = false;
    char probe_ = 0;

    /// A listener sends nothing, so what can be read is the end of the connection.
    void watch_for_end();
    void beat();
    void send_waiting(const std::string& otherwise = "");
    void send_end();
};

}  // namespace playground
