// SPDX-License-Identifier: MIT
#include "connection.hpp"

#include <chrono>
#include <limits>
#include <string_view>

#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "events.hpp"
#include "head.hpp"
#include "target.hpp"

namespace playground {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using std::chrono::seconds;

constexpr std::uint64_t most_large_bodies = std::uint64_t{1} << 30;  // of all connections together
constexpr seconds patience{30};                                      // for a head, for the first bytes of a body
constexpr seconds farewell{3};                                       // for what a refused client still sends

/// A client that is slower than a megabyte a second, on loopback, means harm.
seconds time_for(std::uint64_t bytes) {
    return patience + seconds(bytes >> 20U);
}

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

bool is_of(const beast::error_code& ec, http::error family) {
    return ec && ec.category() == http::make_error_code(family).category();
}

}  // namespace

std::optional<Response> Shared::refusal(const Request& request) const {
    if (request.path.starts_with("/api/")) return router.refusal(request.method, request.path);
    return files.refusal(request);
}

std::shared_ptr<const void> Shared::share_of(std::uint64_t bytes) const {
    const bool fits = (*large_bodies += bytes) <= most_large_bodies;
    std::shared_ptr<const void> share(large_bodies.get(), [all = large_bodies, bytes](const void*) { *all -= bytes; });
    return fits ? share : nullptr;
}

void Connection::read_head() {
    parser_.emplace();
    parser_->header_limit(most_head);
    // Until the route is known; Boost 1.74 takes an absent limit for one that every length exceeds.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    stream_.expires_after(patience);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](Error ec, std::size_t) { self->on_head(ec); });
}

void Connection::turn_away() {
    parser_.emplace();
    refuse(503, "busy", "too many connections: close some tabs");
}

void Connection::close() {
    if (events_) events_->close();
    stream_.close();
}

void Connection::on_head(Error ec) {
    only_head_ = parser_->get().method() == http::verb::head;
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
        return refuse(431, "head", "the head is too long");
    }
    if (ec == http::error::end_of_stream) return close();
    if (is_of(ec, http::error::bad_method)) return refuse(400, "malformed_request", "this is not an HTTP request");
    if (ec) return close();
    if (auto refused = refusal_of_head()) return answer(std::move(*refused), false);
    const auto& head = parser_->get();
    const auto expected = head[http::field::expect];
    if (expected.empty() || head.version() < 11) return read_body();
    if (!beast::iequals(expected, "100-continue")) return refuse(417, "expect", "only 100-continue is understood");
    answer_.emplace(http::status::continue_, 11);
    http::async_write(stream_, *answer_, [self = shared_from_this()](Error failed, std::size_t) {
        if (failed) return self->close();
        self->read_body();
    });
}

std::optional<Response> Connection::refusal_of_head() {
    const auto& head = parser_->get();
    auto target = parse_target(view(head.target()));
    if (!target) return error_response(400, "malformed_request", "the address is malformed");
    const auto several = [&](const auto& name) { return head.count(name) > 1; };
    const Asker asker{.path = target->path,
                      .host = view(head[http::field::host]),
                      .origin = view(head[http::field::origin]),
                      .site = view(head["Sec-Fetch-Site"]),
                      .token = view(head["X-Renn-Token"]),
                      .several = several(http::field::host) || several(http::field::origin) ||
                                 several("Sec-Fetch-Site") || several("X-Renn-Token")};
    if (auto refused = shared_->guard.refuse(asker)) return refused;
    if (const auto coding = head[http::field::transfer_encoding];
        several(http::field::transfer_encoding) || (!coding.empty() && !beast::iequals(coding, "chunked"))) {
        return error_response(501, "transfer_encoding", "the only transfer encoding that is understood is chunked");
    }
    if (parser_->chunked() && head.version() < 11) {
        return error_response(400, "malformed_request", "HTTP/1.0 has no chunks");
    }
    request_ = {};
    request_.method = only_head_ ? "GET" : std::string(view(head.method_string()));
    request_.path = std::move(target->path);
    request_.query = std::move(target->query);
    request_.content_type = std::string(view(head[http::field::content_type]));
    if (parser_->chunked() || parser_->content_length().value_or(0) > 0) {
        // Where nothing takes a body, that is what is wrong with it, not its length.
        if (auto refused = shared_->refusal(request_)) return refused;
    }
    const std::uint64_t most = shared_->router.most_body(request_.method, request_.path);
    const std::uint64_t length = parser_->content_length().value_or(parser_->chunked() ? most : 0);
    if (length > most) {
        return error_response(413, "body", "the body is too long: at most " + std::to_string(most) + " bytes");
    }
    if (length > Router::small_body) {
        request_.body_share = shared_->share_of(length);
        if (!request_.body_share) {
            return error_response(503, "busy", "other uploads are under way: try again when they are done");
        }
    }
    parser_->body_limit(most);
    stream_.expires_after(time_for(length));
    return {};
}

void Connection::read_body() {
    if (parser_->is_done()) return work();
    http::async_read_some(stream_, buffer_, *parser_, [self = shared_from_this()](Error ec, std::size_t) {
        if (ec == http::error::body_limit) return self->refuse(413, "body", "the body is too long");
        if (is_of(ec, http::error::bad_chunk)) {
            return self->refuse(400, "malformed_request", "the body is malformed");
        }
        if (ec) return self->close();
        self->read_body();
    });
}

void Connection::work() {
    stream_.expires_never();
    request_.body = std::move(parser_->get().body());
    asio::post(shared_->workers, [self = shared_from_this()]() mutable {
        Request& request = self->request_;
        const bool api = request.path.starts_with("/api/");
        auto response = std::make_shared<Response>(
            api ? self->shared_->router.handle(request)
                : self->shared_->files.answer(request, view(self->parser_->get()[http::field::if_none_match])));
        // Handed on whole, so that a connection ends on the thread that it lives on.
        const auto executor = self->stream_.get_executor();
        asio::post(executor, [self = std::move(self), response] { self->answer(std::move(*response), true); });
    });
}

void Connection::refuse(unsigned status, const std::string& kind, const std::string& message) {
    answer(error_response(status, kind, message), false);
}

void Connection::answer(Response response, bool may_go_on) {
    const auto& asked = parser_->get();
    request_ = {};
    if (response.events) return send_events(std::move(response.events));
    const bool unchanged = !response.tag.empty() && view(asked[http::field::if_none_match]) == response.tag;
    answer_.emplace(static_cast<http::status>(unchanged ? 304 : response.status), 11);
    set_common(*answer_, response.type);
    if (!response.tag.empty()) answer_->set(http::field::etag, response.tag);
    if (!response.allow.empty()) answer_->set(http::field::allow, response.allow);
    if (!response.download_as.empty()) {
        answer_->set(http::field::content_disposition,
                     "attachment; filename=\"" + harmless(std::move(response.download_as)) + "\"");
    }
    const bool keep = may_go_on && asked.keep_alive();
    answer_->keep_alive(keep);
    if (!unchanged) answer_->body() = std::move(response.body);
    answer_->prepare_payload();
    if (only_head_) answer_->body().clear();
    stream_.expires_after(time_for(answer_->body().size()));
    http::async_write(stream_, *answer_, [self = shared_from_this(), keep](Error ec, std::size_t) {
        if (ec) return self->close();
        self->answer_.reset();
        if (!keep) return self->part();
        self->read_head();
    });
}

void Connection::part() {
    Error ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(farewell);
    buffer_.clear();
    discard();
}

void Connection::discard() {
    stream_.async_read_some(buffer_.prepare(64 * 1024), [self = shared_from_this()](Error ec, std::size_t) {
        if (ec) return self->close();
        self->discard();
    });
}

void Connection::send_events(std::shared_ptr<EventQueue> events) {
    events_.emplace(stream_, only_head_ ? nullptr : std::move(events), weak_from_this());
    events_->begin([this] { only_head_ ? part() : events_->follow(); });
}

}  // namespace playground
