// SPDX-License-Identifier: MIT
// playground/app/parameters.hpp - what stands behind the question mark of an address, read as numbers and names.
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

namespace playground {

using Parameters = std::map<std::string, std::string>;

/// Throws HttpError 422 that names the parameter: `name: got "...", expected ...`.
[[noreturn]] void refuse_parameter(const std::string& name, const std::string& got, const std::string& expected);

std::string text_of(const Parameters& parameters, const std::string& name, const std::string& otherwise);

/// The whole text as a number.
template <class T>
bool read_number(std::string_view text, T& value) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

/// A number from least to most, or `otherwise` where it is missing. Throws HttpError 422.
template <class T>
T number_of(const Parameters& parameters, const std::string& name, T otherwise, T least, T most,
            const std::string& expected) {
    const auto found = parameters.find(name);
    if (found == parameters.end()) return otherwise;
    T value{};
    if (!read_number(found->second, value) || !(value >= least && value <= most)) {
        refuse_parameter(name, found->second, expected);
    }
    return value;
}

bool flag_of(const Parameters& parameters, const std::string& name, bool otherwise);

/// A file's name, for titles and messages only.
std::string name_of(const Parameters& parameters, const std::string& name, const std::string& otherwise);

}  // namespace playground
