// SPDX-License-Identifier: MIT
// playground/http/files.hpp - the page's files, which the program holds.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "message.hpp"

namespace playground {

/// A file of the page.
struct Asset {
    std::string_view type;
    std::string text;
};

/// Answers with files by their path; "/" is "/index.html".
class Files {
public:
    explicit Files(std::map<std::string, Asset> assets);

    /// 404 for what is not there, 405 for another method than GET; none for what is answered.
    std::optional<Response> refusal(const Request& request) const;
    /// Without the text if its tag is the one that is known.
    Response answer(const Request& request, std::string_view known_tag) const;

private:
    struct File {
        Asset asset;
        std::string tag;  ///< another one whenever the text is
    };
    std::map<std::string, File> files_;

    const File* find(const Request& request) const;
};

}  // namespace playground
