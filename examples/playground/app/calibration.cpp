// SPDX-License-Identifier: MIT
#include "calibration.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <renn/training/evaluate.hpp>

namespace playground {
namespace {

/// Enough for a quantile in percent, few enough for a moment's work.
constexpr renn::Index calibration_samples = 500;

}  // namespace

std::vector<renn::Index> wrong_predictions(const Model& model) {
    constexpr renn::Index at_once = 256;
    const renn::Dataset<float>& test = model.test;
    std::vector<renn::Index> wrong;
    renn::Batch<float> some;
    for (renn::Index first = 0; first < test.samples() && test.has_labels(); first += at_once) {
        test.inputs(first, std::min(at_once, test.samples() - first), some);
        const auto values = model.traced.activations(some);
        for (renn::Index j = 0; j < some.cols(); ++j) {
            if (renn::predicted_class(values.output().col(j)) != test.label(first + j)) wrong.push_back(first + j);
        }
    }
    return wrong;
}

Calibration::Calibration() : thread_([this] { work(); }) {}

Calibration::~Calibration() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    asked_.notify_all();
    thread_.join();
}

Calibration::Found Calibration::familiarity(const std::shared_ptr<const Model>& model,
                                            const renn::RetraceOptions& options) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const auto& entry) { return entry->model.expired(); });
    for (const auto& entry : entries_) {
        const renn::RetraceOptions& o = entry->options;
        if (entry->model.lock() == model && o.k == options.k && o.pre == options.pre && o.post == options.post) {
            return entry->found;
        }
    }
    auto entry = std::make_shared<Entry>(Entry{.model = model, .options = {}});
    entry->options.k = options.k;  // ties do not change how far the k-th is
    entry->options.pre = options.pre;
    entry->options.post = options.post;
    entries_.push_back(entry);
    if (entries_.size() > most_kept) entries_.pop_front();
    waiting_.push_back(std::move(entry));  // the newest first: whoever slides k waits for where it stopped
    if (waiting_.size() > most_kept) {
        std::erase(entries_, waiting_.front());
        waiting_.pop_front();
    }
    asked_.notify_one();
    return {};
}

void Calibration::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        asked_.wait(lock, [&] { return ends_ || !waiting_.empty(); });
        if (ends_) return;
        const auto entry = std::move(waiting_.back());
        waiting_.pop_back();
        lock.unlock();
        Found found;
        try {
            if (const auto model = entry->model.lock()) {
                found.familiarity = std::make_shared<const renn::Familiarity>(
                    model->traced, model->train,
                    renn::FamiliarityOptions{.retrace = entry->options,
                                             .samples = std::min(calibration_samples, model->train.samples())});
            }
        } catch (const std::exception& e) {
            found.failed = e.what();
        }
        lock.lock();
        entry->found = std::move(found);
    }
}

std::shared_ptr<const std::vector<renn::Index>> Calibration::wrong(const std::shared_ptr<const Model>& model) {
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(wrong_, [](const Wrong& w) { return w.model.expired(); });
        for (const Wrong& w : wrong_) {
            if (w.model.lock() == model) return w.positions;
        }
    }
    auto positions = std::make_shared<const std::vector<renn::Index>>(wrong_predictions(*model));
    const std::lock_guard lock(mutex_);
    wrong_.push_back({model, positions});
    if (wrong_.size() > most_kept) wrong_.pop_front();
    return positions;
}

}  // namespace playground
