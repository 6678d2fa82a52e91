#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks every header with clang-tidy (.clang-tidy says what for) and cppcheck: sh cmake/lint.sh. About 40 seconds.
# A tool that is missing is left out; with neither of them it exits with 77.
set -u
cd "$(dirname "$0")/.." || exit 1
headers=$(find include/renn -name '*.hpp' | LC_ALL=C sort)
failed=0
found=0

if command -v clang-tidy >/dev/null; then
    found=1
    folder=$(mktemp -d) || exit 1
    trap 'rm -rf "$folder"' EXIT
    for header in $headers; do
        case $header in
            */hnsw.hpp) printf '#if __has_include(<hnswlib/hnswlib.h>)\n#include <%s>\n#endif\n' "${header#include/}" ;;
            *) echo "#include <${header#include/}>" ;;
        esac
    done > "$folder/all_headers.cpp"
    eigen=$(pkg-config --cflags-only-I eigen3 2>/dev/null | sed 's/-I/-isystem /g')
    # A folder of its own has no .clang-tidy, so the file is named.
    # shellcheck disable=SC2086
    clang-tidy --quiet --config-file=.clang-tidy "$folder/all_headers.cpp" -- -std=c++20 -Iinclude \
        ${eigen:--isystem /usr/include/eigen3} || failed=1
else
    echo "lint.sh: no clang-tidy"
fi

if command -v cppcheck >/dev/null; then
    found=1
    # Each header alone, without what it includes: Eigen is not checked, and cppcheck 2.10 cannot parse it.
    # shellcheck disable=SC2086
    cppcheck --quiet --language=c++ --std=c++20 --enable=warning,performance,portability,style \
        --suppressions-list=cmake/cppcheck_suppressions.txt --error-exitcode=1 $headers || failed=1
else
    echo "lint.sh: no cppcheck"
fi

[ "$found" -eq 1 ] || exit 77
exit "$failed"
