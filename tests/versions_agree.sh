#!/bin/sh
# SPDX-License-Identifier: MIT
# versions_agree.sh VERSION: packaging recipes and version.hpp all give this version.
set -eu
cd "$(dirname "$0")/.."
agrees() {  # FILE LINE
    grep -qxF -- "$2" "$1" || { echo "$1 has no line: $2"; exit 1; }
}
agrees include/renn/version.hpp "inline constexpr const char* version = \"$1\";"
agrees packaging/vcpkg/vcpkg.json "  \"version\": \"$1\","
agrees packaging/conan/conanfile.py "    version = \"$1\""
agrees CITATION.cff "version: $1"
