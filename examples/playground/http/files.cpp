// SPDX-License-Identifier: MIT
#include "files.hpp"

#include <cstddef>
#include <functional>
#include <utility>

namespace playground {

Files::Files(std::map<std::string, Asset> assets) {
    for (auto& [path, asset] : assets) {
        std::string tag = "\"" + std::to_string(std::hash<std::string>{}(asset.text)) + "\"";
        files_[path] = {std::move(asset), std::move(tag)};
    }
}

const Files::File* Files::find(const Request& request) const {
    const auto found = files_.find(request.path == "/" ? "/index.html" : request.path);
    return found == files_.end() ? nullptr : &found->second;
}

std::optional<Response> Files::refusal(const Request& request) const {
    if (find(request) == nullptr) return error_response(404, "not_found", "there is nothing at this address");
    if (request.method == "GET") return {};
    Response refused = error_response(405, "method", "this address does not take " + request.method);
    refused.allow = "GET, HEAD";
    return refused;
}

Response Files::answer(const Request& request, std::string_view known_tag) const {
    if (auto refused = refusal(request)) return std::move(*refused);
    const File& file = *find(request);
    Response response{.type = std::string(file.asset.type), .tag = file.tag};
    if (known_tag != file.tag) response.body = file.asset.text;
    return response;
}

}  // namespace playground
