// SPDX-License-Identifier: MIT
// renn/io/json_writer.hpp - valid JSON out of numbers, texts, matrices and your own types.
//
// To be included by name: it needs the JSON library that comes with cereal.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/io/json_library.hpp>

namespace renn::inline RENN_ABI {

/// Writes JSON as a tree of calls. Every number has the fewest digits that give its bits again, in its own precision;
/// NaN and infinity, which JSON does not have, are null. In text that is not UTF-8 every byte beyond ASCII becomes
/// U+FFFD. Your own type takes part with a function `write_json(JsonWriter&, const T&)` beside it.
class JsonWriter {
public:
    explicit JsonWriter(std::ostream& out) : stream_(out), json_(stream_) {
        json_.SetIndent(' ', 2);
        json_.SetFormatOptions(detail::rapid::kFormatSingleLineArray);
    }

    void key(std::string_view name) { text(name); }

    /// "name": value
    template <class T>
    JsonWriter& member(std::string_view name, const T& item) {
        key(name);
        value(item);
        return *this;
    }

    /// { what f() writes }
    template <class F>
    void object(F&& f) {
        json_.StartObject();
        f();
        json_.EndObject();
    }

    /// [ the values that f() writes ]
    template <class F>
    void array(F&& f) {
        json_.StartArray();
        f();
        json_.EndArray();
    }

    /// A number, a text, a bool, a vector, a matrix as a list of its rows, or anything that write_json() knows.
    template <class T>
    void value(const T& item) {
        if constexpr (std::same_as<T, bool>) {
            json_.Bool(item);
        } else if constexpr (std::floating_point<T>) {
            number(item);
        } else if constexpr (std::unsigned_integral<T>) {
            json_.Uint64(item);
        } else if constexpr (std::integral<T>) {
            json_.Int64(item);
        } else if constexpr (std::convertible_to<const T&, std::string_view>) {
            text(item);
        } else if constexpr (std::is_base_of_v<Eigen::EigenBase<T>, T>) {
            matrix(item);
        } else if constexpr (requires { std::span(item); }) {
            array([&] {
                for (const auto& each : item) value(each);
            });
        } else {
            write_json(*this, item);
        }
    }

private:
    template <class S>
    void number(S x) {
        char digits[64];
        const auto end = std::to_chars(digits, digits + sizeof digits, x);
        if (std::isfinite(x)) {
            json_.RawValue(digits, static_cast<std::size_t>(end.ptr - digits), detail::rapid::kNumberType);
        } else {
            json_.Null();
        }
    }

    void text(std::string_view t) {
        std::string clean(t);
        if (!detail::is_utf8(clean)) {
            clean.clear();
            for (const char c : t) clean += static_cast<unsigned char>(c) < 128 ? std::string(1, c) : "\xef\xbf\xbd";
        }
        json_.String(clean.data(), static_cast<detail::rapid::SizeType>(clean.size()));
    }

    template <class M>
    void matrix(const M& m) {
        array([&] {
            for (Index i = 0; i < m.rows(); ++i) {
                if constexpr (M::ColsAtCompileTime == 1) {
                    value(m(i, 0));
                } else {
                    array([&] {
                        for (Index j = 0; j < m.cols(); ++j) value(m(i, j));
                    });
                }
            }
        });
    }

    detail::rapid::OStreamWrapper stream_;
    detail::rapid::PrettyWriter<detail::rapid::OStreamWrapper> json_;
};

}  // namespace renn::inline RENN_ABI
