// SPDX-License-Identifier: MIT
// renn/io/save_checkpoint.hpp - training states as files, so that a run can go on in another process.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/save.hpp>
#include <renn/training/fit_options.hpp>
#include <renn/training/training_state.hpp>

namespace renn::inline RENN_ABI {

/// Writes a training state to any cereal output archive: the position, the network, the moments, what early stopping
/// keeps.
template <class A, class Net>
void put(A& ar, const TrainingState<Net>& state) {
    detail::put(ar, static_cast<std::int64_t>(state.epoch));
    detail::put(ar, state.step);
    detail::put(ar, state.seed);
    detail::put(ar, state.moments.step);
    put(ar, state.network);
    for_each_block([&ar](const auto& block) { detail::put(ar, block); }, state.moments.first);
    for_each_block([&ar](const auto& block) { detail::put(ar, block); }, state.moments.second);
    detail::put(ar, state.best_value);
    detail::put(ar, static_cast<std::int64_t>(state.best_epoch));
    if (state.best) put(ar, *state.best);
}

namespace detail {

/// Reads blocks of the shapes that are there.
template <class A, class P>
void get_moments(A& ar, P& moments, const Limit& limit) {
    for_each_block(
        [&](auto& block) {
            const Index rows = block.rows(), cols = block.cols();
            get(ar, block, limit);
            if (block.rows() != rows || block.cols() != cols) {
                raise<FormatError>("training state", "moments", shape_text(block.rows(), block.cols()),
                                   shape_text(rows, cols) + ", the network's parameters");
            }
        },
        moments);
}

}  // namespace detail

/// Reads a training state of the same network type. Throws MismatchError if the archive holds another network,
/// FormatError for lengths or numbers that cannot be.
template <class A, class Net>
void get(A& ar, TrainingState<Net>& state, const detail::Limit& limit = {}) {
    std::int64_t epoch = 0, best_epoch = 0;
    std::uint64_t moments_step = 0;
    detail::get(ar, epoch, limit);
    detail::get(ar, state.step, limit);
    detail::get(ar, state.seed, limit);
    detail::get(ar, moments_step, limit);
    get(ar, state.network, limit);
    state.moments = Moments<typename Net::Parameters>(state.network.parameters());
    state.moments.step = moments_step;
    detail::get_moments(ar, state.moments.first, limit);
    detail::get_moments(ar, state.moments.second, limit);
    detail::get(ar, state.best_value, limit);
    detail::get(ar, best_epoch, limit);
    constexpr std::int64_t most = 1'000'000'000;
    if (epoch < 0 || epoch > most || best_epoch < 0 || best_epoch > epoch) {
        detail::raise<FormatError>("training state", "epoch and best epoch",
                                   std::to_string(epoch) + " and " + std::to_string(best_epoch),
                                   "0 <= best epoch <= epoch");
    }
    state.epoch = static_cast<int>(epoch);
    state.best_epoch = static_cast<int>(best_epoch);
    state.best.reset();
    if (best_epoch > 0) {
        state.best = state.network;
        get(ar, *state.best, limit);
        if (state.best->describe() != state.network.describe()) {
            detail::raise<FormatError>("training state", "best network", state.best->describe(),
                                       state.network.describe());
        }
    }
}

/// save_checkpoint("run.renn", state): appears whole or not at all. Throws FormatError if it cannot be written.
template <class Net>
void save_checkpoint(const std::string& path, const TrainingState<Net>& state) {
    detail::write_archive(path, "training", sizeof(typename Net::Scalar), [&](auto& ar) { put(ar, state); });
}

/// auto state = load_checkpoint<Net>("run.renn"); Net net = state.network; fit(net, data, options, state);
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other layers.
template <class Net>
TrainingState<Net> load_checkpoint(const std::string& path) {
    TrainingState<Net> state{Net()};
    detail::read_frame(path, "training", sizeof(typename Net::Scalar),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, state, limit); });
    return state;
}

/// For FitOptions::on_epoch: writes the state after every n-th epoch, then asks `then`, if there is one. Throws
/// DataError unless n is above 0. The state must be the one given to fit.
///
///     fit(net, data, {.epochs = 50, .on_epoch = checkpoint_every(5, "run.renn", state)}, state);
template <class Net>
std::function<bool(const Epoch&)> checkpoint_every(int epochs, std::string path, const TrainingState<Net>& state,
                                                   std::function<bool(const Epoch&)> then = {}) {
    if (epochs < 1) detail::raise<DataError>("checkpoint_every", "epochs", std::to_string(epochs), "1 or more");
    return [epochs, path = std::move(path), &state, then = std::move(then)](const Epoch& epoch) {
        if (epoch.number % epochs == 0) save_checkpoint(path, state);
        return !then || then(epoch);
    };
}

}  // namespace renn::inline RENN_ABI
