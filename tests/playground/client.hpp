// SPDX-License-Identifier: MIT
// playground/client.hpp - a client that sends any bytes, and waits for answers.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace playground {

struct Answer {
    unsigned status = 0;
    std::map<std::string, std::string> head = {};  ///< names in lower case
    std::string body = {};
};

/// The first answer of what a server sent, which is taken off its front; nothing if it is not well-formed or not whole.
inline std::optional<Answer> take_answer(std::string_view& text, bool only_head = false) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos || !text.starts_with("HTTP/1.1 ") || text.size() < 13 || text[12] != ' ') {
        return std::nullopt;
    }
    Answer answer;
    if (std::from_chars(text.data() + 9, text.data() + 12, answer.status).ptr != text.data() + 12) return std::nullopt;
    std::string_view lines = text.substr(0, end + 2);
    lines.remove_prefix(lines.find("\r\n") + 2);
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) return std::nullopt;
        std::string name(line.substr(0, colon));
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (!answer.head.emplace(name, line.substr(colon + 2)).second) return std::nullopt;
    }
    text.remove_prefix(end + 4);
    if (answer.status == 100 || answer.status == 304 || only_head) return answer;
    if (answer.head.contains("transfer-encoding")) {
        answer.body = text;
        text = {};
        return answer;
    }
    const auto length = answer.head.find("content-length");
    if (length == answer.head.end()) return std::nullopt;
    const std::size_t size = std::stoul(length->second);
    if (text.size() < size) return std::nullopt;
    answer.body = text.substr(0, size);
    text.remove_prefix(size);
    return answer;
}

class Client {
public:
    explicit Client(unsigned short port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { ::close(socket_); }

    bool connected() const noexcept { return connected_; }

    /// False if the server stopped to take it.
    bool send(std::string_view text) {
        while (!text.empty()) {
            pollfd wait{socket_, POLLOUT, 0};
            if (::poll(&wait, 1, limit) <= 0) return false;
            const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    void end() { ::shutdown(socket_, SHUT_WR); }

    enum class Ending { closed, reset, hung };

    /// All that comes until the server closes.
    Ending read_all(std::string& text) {
        for (;;) {
            switch (read_some(text, limit)) {
                case Some::something:
                    break;
                case Some::nothing:
                    return Ending::hung;
                case Some::closed:
                    return Ending::closed;
                case Some::reset:
                    return Ending::reset;
            }
        }
    }

    /// One answer; what came behind it is kept for the next.
    std::optional<Answer> read_answer(bool only_head = false) {
        for (;;) {
            std::string_view text = came_;
            if (auto answer = take_answer(text, only_head)) {
                came_.erase(0, came_.size() - text.size());
                return answer;
            }
            if (read_some(came_, limit) != Some::something) return std::nullopt;
        }
    }
    std::optional<Answer> ask(std::string_view request) { return send(request) ? read_answer() : std::nullopt; }

private:
    enum class Some { something, nothing, closed, reset };
    static constexpr int limit = 20000;  // milliseconds
    int socket_;
    bool connected_ = false;
    std::string came_;

    Some read_some(std::string& text, int milliseconds) {
        pollfd wait{socket_, POLLIN, 0};
        if (::poll(&wait, 1, milliseconds) <= 0) return Some::nothing;
        char piece[16384];
        const ssize_t n = ::recv(socket_, piece, sizeof(piece), 0);
        if (n < 0) return Some::reset;
        if (n == 0) return Some::closed;
        text.append(piece, static_cast<std::size_t>(n));
        return Some::something;
    }
};

}  // namespace playground
