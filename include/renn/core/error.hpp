// SPDX-License-Identifier: MIT
// renn/core/error.hpp - the typed errors, and the one place that throws them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// Base of everything renn throws. A message reads `where: what: got A, expected B`.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Matrices, layers or files whose sizes do not fit together.
class ShapeError : public Error {
public:
    using Error::Error;
};

/// A file or archive that cannot be read: foreign, truncated, damaged or from another version.
class FormatError : public Error {
public:
    using Error::Error;
};

/// Two things that are each valid but do not belong together, such as a store and another network.
class MismatchError : public Error {
public:
    using Error::Error;
};

/// Values that make no sense: NaN, empty data, labels out of range, impossible options.
class DataError : public Error {
public:
    using Error::Error;
};

namespace detail {

/// Throws E(message). Compiled without exceptions it writes the message to stderr and aborts.
template <class E>
[[noreturn]] void throw_or_abort(const std::string& message) {
#ifdef __cpp_exceptions
    throw E(message);
#else
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
#endif
}

/// Views, so that a place in the code that hardly ever throws makes no strings of its constants.
template <class E>
[[noreturn]] void raise(std::string_view where, std::string_view what) {
    throw_or_abort<E>(std::string(where).append(": ").append(what));
}

template <class E>
[[noreturn]] void raise(std::string_view where, std::string_view what, std::string_view got,
                        std::string_view expected) {
    std::string message(where);
    for (const std::string_view part :
         {std::string_view(": "), what, std::string_view(": got "), got, std::string_view(", expected "), expected}) {
        message += part;
    }
    throw_or_abort<E>(message);
}

/// "a, b, c": what text(item) says of each; of texts, themselves.
template <class Items, class Text = std::identity>
std::string joined(const Items& items, const Text& text = {}) {
    std::string all;
    for (const auto& item : items) (all += all.empty() ? "" : ", ") += text(item);
    return all;
}

/// Throws DataError for a name that none of the items has: `where: what: got "name", expected one of a, b, c`.
template <class Items, class Text = std::identity>
[[noreturn]] void raise_unknown(std::string_view where, std::string_view what, std::string_view name,
                                const Items& items, const Text& text = {}) {
    raise<DataError>(where, what, "\"" + std::string(name) + "\"", "one of " + joined(items, text));
}

inline std::string shape_text(std::int64_t rows, std::int64_t cols) {
    return std::to_string(rows) + " x " + std::to_string(cols);
}

[[noreturn]] inline void raise_shape(const char* where, const char* what, std::int64_t got_rows, std::int64_t got_cols,
                                     std::int64_t rows, std::int64_t cols) {
    raise<ShapeError>(where, what, shape_text(got_rows, got_cols), shape_text(rows, cols));
}

/// Throws ShapeError unless `m` is rows x cols.
template <class M>
void require_shape(const char* where, const char* what, const M& m, std::int64_t rows, std::int64_t cols) {
    if (m.rows() != rows || m.cols() != cols) raise_shape(where, what, m.rows(), m.cols(), rows, cols);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
