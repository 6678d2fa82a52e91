// SPDX-License-Identifier: MIT
// playground/app/watched_text.hpp - bytes in memory as a stream that tells how far they were read.
#pragma once

#include <cstddef>
#include <istream>
#include <streambuf>
#include <string_view>
#include <utility>

#include <renn/core/progress.hpp>

#include "job.hpp"

namespace playground {

namespace detail {

/// Hands the bytes out in pieces.
class WatchedPieces : public std::streambuf {
public:
    WatchedPieces(std::string_view text, renn::ProgressCallback progress)
        : rest_(text), total_(text.size()), progress_(std::move(progress)) {}

private:
    static constexpr std::size_t piece = std::size_t{1} << 18U;
    std::string_view rest_;
    std::size_t total_;
    renn::ProgressCallback progress_;

    int_type underflow() override {
        const std::size_t done = total_ - rest_.size();
        if (progress_ && !progress_({.done = done, .total = total_, .phase = "reading"})) throw Cancelled{};
        const std::string_view next = rest_.substr(0, piece);
        rest_.remove_prefix(next.size());
        if (next.empty()) return traits_type::eof();
        char* const begin = const_cast<char*>(next.data());  // a buffer could be written to; a stream of input does not
        setg(begin, begin, begin + next.size());
        return traits_type::to_int_type(next.front());
    }
};

}  // namespace detail

/// Without copying them. Throws Cancelled where the callback returns false.
class WatchedText : private detail::WatchedPieces, public std::istream {
public:
    explicit WatchedText(std::string_view text, renn::ProgressCallback progress = {})
        : WatchedPieces(text, std::move(progress)), std::istream(this) {
        exceptions(std::ios::badbit);  // what the callback throws goes through
    }
};

}  // namespace playground
