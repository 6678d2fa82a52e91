// SPDX-License-Identifier: MIT
#include "events.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace playground {

void EventQueue::push(const Event& event, bool replaces) {
    constexpr std::size_t most_waiting = 4096;
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (replaces) std::erase_if(waiting_, [&](const Event& e) { return e.name == event.name; });
    if (waiting_.size() >= most_waiting) waiting_.pop_front();
    waiting_.push_back(event);
    if (ready_) ready_();
}

std::string EventQueue::take() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Event& event : waiting_) text += "event: " + event.name + "\ndata: " + event.data + "\n\n";
    waiting_.clear();
    return text;
}

void EventQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (ready_) ready_();
}

bool EventQueue::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

void EventQueue::on_ready(std::function<void()> ready) {
    const std::lock_guard lock(mutex_);
    ready_ = std::move(ready);
}

std::shared_ptr<EventQueue> EventHub::listen() {
    auto queue = std::make_shared<EventQueue>();
    const std::lock_guard lock(mutex_);
    std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
    if (closed_) {
        queue->close();
    } else {
        listeners_.push_back(queue);
    }
    return queue;
}

std::size_t EventHub::listeners() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(listeners_, [](const auto& l) { return !l.expired(); }));
}

void EventHub::publish(const std::string& name, const Json& data, bool replaces) {
    std::vector<std::shared_ptr<EventQueue>> all;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& listener : listeners_) {
            if (auto queue = listener.lock()) all.push_back(std::move(queue));
        }
    }
    if (all.empty()) return;
    const Event event{name, data.dump(-1, ' ', false, Json::error_handler_t::replace)};
    for (const auto& queue : all) queue->push(event, replaces);
}

void EventHub::close() {
    std::vector<std::shared_ptr<EventQueue>> all;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& listener : listeners_) {
            if (auto queue = listener.lock()) all.push_back(std::move(queue));
        }
        listeners_.clear();
        closed_ = true;
    }
    for (const auto& queue : all) queue->close();
}

}  // namespace playground
