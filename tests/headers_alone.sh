#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header compiles alone and without warnings: headers_alone.sh COMPILER OPTION..., on every core.
#
# Nothing is generated, and what takes most of the time of nearly every header is compiled once: of Eigen/Core and some
# headers that many include, the last that a header includes, itself or through others, goes before it. What others it
# includes is checked without, so nothing that is forgotten is hidden.
set -eu
cd "$(dirname "$0")/../include"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
compiler=$1
shift
printf '"%s"\n' "$@" > "$folder/options"
export compiler folder

first="Eigen/Core renn/core/batch.hpp renn/core/error.hpp renn/core/layer.hpp renn/tracing/store.hpp
    renn/network/layer_sequence.hpp renn/retrace/retrace.hpp"
for header in $first; do
    name=$folder/$(printf %s "$header" | tr / _)
    printf '#include <%s>\n' "$header" > "$name"
    printf '%s\0' "$name"
done | xargs -0 -P "$(nproc)" -I{} "$compiler" @"$folder/options" -x c++-header {} -o {}.gch

# Header by header: its path, and what goes before it or -.
find renn -name '*.hpp' | LC_ALL=C sort > "$folder/headers"
xargs grep -E '^[[:space:]]*#[[:space:]]*include' < "$folder/headers" | sed 's/:.*[<"]/ /; s/[>"].*//' |
    awk -v headers="$folder/headers" -v first="$first" '
        { from[++n] = $1; to[n] = $2 }
        END {
            count = split(first, candidates)
            for (c = 1; c <= count; ++c) {
                split("", reaches)
                do {
                    more = 0
                    for (i = 1; i <= n; ++i) {
                        if (!(from[i] in reaches) && (to[i] == candidates[c] || to[i] in reaches)) {
                            reaches[from[i]] = 1
                            more = 1
                        }
                    }
                } while (more)
                for (header in reaches) last[header] = candidates[c]
            }
            while ((getline header < headers) > 0) {
                before = header in last ? last[header] : "-"
                gsub("/", "_", before)
                print header, before
            }
        }' > "$folder/work"

# shellcheck disable=SC2016
xargs -P "$(nproc)" -n 2 sh -c '
    case $1 in
        */hnsw.hpp) printf "#if __has_include(<hnswlib/hnswlib.h>)\n#include <%s>\n#endif\n" "$1" ;;
        *) printf "#include <%s>\n" "$1" ;;
    esac > "$folder/$$.cpp"
    [ "$2" = - ] || set -- "$1" -include "$folder/$2"
    header=$1
    shift
    [ "$1" != - ] || shift
    "$compiler" @"$folder/options" "$@" -fsyntax-only "$folder/$$.cpp" && exit
    echo "headers_alone.sh: $header does not compile alone" >&2
    exit 1' headers_alone < "$folder/work"
