#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header compiles alone and without warnings: headers_alone.sh COMPILER OPTION..., on every core.
#
# Nothing is generated, and Eigen/Core, most of the time of nearly every header, is compiled once: it goes before those
# that include it, themselves or through others. What others they include, and whatever has no need of Eigen, is checked
# without it, so nothing that is forgotten is hidden.
set -eu
cd "$(dirname "$0")/../include"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
compiler=$1
shift
printf '"%s"\n' "$@" > "$folder/options"
export compiler folder

printf '#include <Eigen/Core>\n' > "$folder/eigen.hpp"
"$compiler" @"$folder/options" -x c++-header "$folder/eigen.hpp" -o "$folder/eigen.hpp.gch"

# Header by header: its path, and - or, if it reaches Eigen, -include.
find renn -name '*.hpp' | LC_ALL=C sort > "$folder/headers"
xargs grep -E '^[[:space:]]*#[[:space:]]*include' < "$folder/headers" | sed 's/:.*[<"]/ /; s/[>"].*//' |
    awk -v headers="$folder/headers" '
        $2 ~ /^Eigen\// { reaches[$1] = 1 }
        $2 ~ /^renn\// { from[++n] = $1; to[n] = $2 }
        END {
            do {
                more = 0
                for (i = 1; i <= n; ++i) {
                    if (!(from[i] in reaches) && to[i] in reaches) {
                        reaches[from[i]] = 1
                        more = 1
                    }
                }
            } while (more)
            while ((getline header < headers) > 0) print header, header in reaches ? "-include" : "-"
        }' > "$folder/work"

# shellcheck disable=SC2016
xargs -P "$(nproc)" -n 2 sh -c '
    case $1 in
        */hnsw.hpp) printf "#if __has_include(<hnswlib/hnswlib.h>)\n#include <%s>\n#endif\n" "$1" ;;
        *) printf "#include <%s>\n" "$1" ;;
    esac > "$folder/$$.cpp"
    [ "$2" = - ] || set -- "$1" -include "$folder/eigen.hpp"
    header=$1
    shift
    [ "$1" != - ] || shift
    "$compiler" @"$folder/options" "$@" -fsyntax-only "$folder/$$.cpp" && exit
    echo "headers_alone.sh: $header does not compile alone" >&2
    exit 1' headers_alone < "$folder/work"
