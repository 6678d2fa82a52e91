// SPDX-License-Identifier: MIT
// playground/http/head.hpp - what the head of every answer says.
#pragma once

#include <string>
#include <string_view>

#include <boost/beast/http/fields.hpp>

namespace playground {

/// The type, whether it may be kept, and what the browser must not do with it.
void set_common(boost::beast::http::fields& head, std::string_view type);

/// A file's name that a head can hold, whatever it was made of.
std::string harmless(std::string name);

}  // namespace playground
