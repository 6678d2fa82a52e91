// SPDX-License-Identifier: MIT
#include "event_stream.hpp"

#include <chrono>
#include <cstddef>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/write.hpp>

#include "head.hpp"

namespace playground {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::chrono::seconds listener_patience{30};  // with one that does not take what it is sent
constexpr std::chrono::seconds between_heartbeats{10};

}  // namespace

EventStream::EventStream(boost::beast::tcp_stream& stream, std::shared_ptr<EventQueue> queue, std::weak_ptr<void> owner)
    : stream_(stream), queue_(std::move(queue)), owner_(std::move(owner)), heartbeat_(stream.get_executor()) {}

void EventStream::close() {
    if (queue_) queue_->on_ready({});
    heartbeat_.cancel();
    stream_.close();
}

void EventStream::begin(std::function<void()> begun) {
    head_.emplace(http::status::ok, 11);
    set_common(*head_, "text/event-stream");
    head_->chunked(true);
    serializer_.emplace(*head_);
    busy_ = true;
    stream_.expires_after(listener_patience);
    http::async_write_header(stream_, *serializer_,
                             [this, alive = owner_.lock(), begun = std::move(begun)](Error ec, std::size_t) {
                                 busy_ = false;
                                 if (ec) return close();
                                 begun();
                             });
}

void EventStream::follow() {
    stream_.expires_never();
    queue_->on_ready([this, owner = owner_] {
        if (auto alive = owner.lock()) {
            const auto executor = stream_.get_executor();
            asio::post(executor, [this, alive = std::move(alive)] { send_waiting(); });
        }
    });
    watch_for_end();
    beat();
    send_waiting();
}

void EventStream::watch_for_end() {
    stream_.socket().async_read_some(asio::buffer(&probe_, 1),
                                     [this, alive = owner_.lock()](Error, std::size_t) { close(); });
}

void EventStream::beat() {
    heartbeat_.expires_after(between_heartbeats);
    heartbeat_.async_wait([this, alive = owner_.lock()](Error ec) {
        if (ec || !stream_.socket().is_open()) return;
        send_waiting(": alive\n\n");
        beat();
    });
}

void EventStream::send_waiting(const std::string& otherwise) {
    if (busy_ || !stream_.socket().is_open()) return;
    const bool last = queue_->closed();  // nothing comes after what is taken now
    sending_ = queue_->take();
    if (sending_.empty()) sending_ = otherwise;
    if (sending_.empty()) {
        if (last) send_end();
        return;
    }
    busy_ = true;
    stream_.expires_after(listener_patience);
    asio::async_write(stream_, http::make_chunk(asio::const_buffer(sending_.data(), sending_.size())),
                      [this, alive = owner_.lock()](Error ec, std::size_t) {
                          busy_ = false;
                          if (ec) return close();
                          stream_.expires_never();
                          send_waiting();
                      });
}

void EventStream::send_end() {
    busy_ = true;
    stream_.expires_after(listener_patience);
    asio::async_write(stream_, http::make_chunk_last(), [this, alive = owner_.lock()](Error, std::size_t) { close(); });
}

}  // namespace playground
