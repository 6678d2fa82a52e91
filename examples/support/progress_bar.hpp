// SPDX-License-Identifier: MIT
// support/progress_bar.hpp - shows on the terminal how far long work is.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <renn/core/progress.hpp>

/// A line on stderr that is drawn over itself and wiped when the work is done; nothing where stdout or stderr is not a
/// terminal.
class ProgressBar {
public:
    ProgressBar() : shown_(isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {}
    ~ProgressBar() { wipe(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    /// What renn's functions call; lives no longer than the bar.
    renn::ProgressCallback callback() {
        return [this](const renn::Progress& p) {
            if (shown_) draw(p);
            return true;
        };
    }

    /// Told behind the bar, such as the loss of the last epoch.
    void note(std::string text) { note_ = std::move(text); }

    void wipe() {
        if (drawn_) std::fputs("\r\033[K", stderr);
        drawn_ = false;
    }

private:
    using Clock = std::chrono::steady_clock;

    void draw(const renn::Progress& p) {
        const auto now = Clock::now();
        if (drawn_ && p.done < p.total && now - last_ < std::chrono::milliseconds(50)) return;
        last_ = now;
        constexpr int width = 30;
        const double part = p.total > 0 ? static_cast<double>(p.done) / static_cast<double>(p.total) : 0.0;
        const auto filled = static_cast<std::size_t>(part * width);
        const double spent = std::chrono::duration<double>(now - begin_).count();
        std::string bar;
        for (std::size_t i = 0; i < width; ++i) bar += i < filled ? "\u2588" : "\u2591";
        std::fprintf(stderr, "\r%-10.*s %s %3.0f %%", static_cast<int>(p.phase.size()), p.phase.data(), bar.c_str(),
                     100.0 * part);
        if (part > 0.02 && part < 1.0) std::fprintf(stderr, "  %.0f s left", spent * (1.0 - part) / part);
        std::fprintf(stderr, "  %s\033[K", note_.c_str());
        std::fflush(stderr);
        drawn_ = true;
    }

    bool shown_;
    bool drawn_ = false;
    std::string note_;
    Clock::time_point begin_ = Clock::now();
    Clock::time_point last_;
};
