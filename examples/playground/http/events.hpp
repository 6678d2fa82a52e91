// SPDX-License-Identifier: MIT
// playground/http/events.hpp - server-sent events: who publishes, who listens.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "message.hpp"

namespace playground {

struct Event {
    std::string name, data;
};

/// What one listener has yet to be sent. A state that is out of date before it was sent is replaced by the newer one,
/// so a slow listener costs no memory.
class EventQueue {
public:
    /// `replaces`: an event of the same name that still waits is dropped.
    void push(const Event& event, bool replaces);
    /// The waiting ones as the text of a stream; "" if there is none.
    std::string take();
    /// No further event will come; what waits is still sent.
    void close();
    bool closed() const;
    /// Called, from any thread, when there is something to take or the queue was closed. Must be quick and not come
    /// back here. Once this was called with another, or none, the former is not running and will not be called.
    void on_ready(std::function<void()> ready);

private:
    mutable std::mutex mutex_;
    std::deque<Event> waiting_;
    std::function<void()> ready_;
    bool closed_ = false;
};

/// Hands every event to all who listen.
class EventHub {
public:
    EventHub() = default;
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;
    ~EventHub() { close(); }

    std::shared_ptr<EventQueue> listen();
    std::size_t listeners() const;
    /// The latest of a state: a listener need not see those before.
    void publish_state(const std::string& name, const Json& data) { publish(name, data, true); }
    /// Something every listener must see.
    void publish_each(const std::string& name, const Json& data) { publish(name, data, false); }
    /// Whoever listens is sent what waits, and then the end; so is whoever comes later.
    void close();

private:
    mutable std::mutex mutex_;
    std::vector<std::weak_ptr<EventQueue>> listeners_;
    bool closed_ = false;

    void publish(const std::string& name, const Json& data, bool replaces);
};

}  // namespace playground
