// SPDX-License-Identifier: MIT
#include "parameters.hpp"

#include <algorithm>

#include "../http/message.hpp"

namespace playground {

void refuse_parameter(const std::string& name, const std::string& got, const std::string& expected) {
    throw HttpError(422, name, name + ": got \"" + got.substr(0, 60) + "\", expected " + expected);
}

std::string text_of(const Parameters& parameters, const std::string& name, const std::string& otherwise) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? otherwise : found->second;
}

bool flag_of(const Parameters& parameters, const std::string& name, bool otherwise) {
    return number_of(parameters, name, otherwise ? 1 : 0, 0, 1, "0 or 1") == 1;
}

std::string name_of(const Parameters& parameters, const std::string& name, const std::string& otherwise) {
    std::string text = text_of(parameters, name, otherwise).substr(0, 120);
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
    return text.empty() ? otherwise : text;
}

}  // namespace playground
