#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the single header, and one of what is included by name only:
#   sh cmake/single_include.sh > single_include/renn/renn.hpp
#   sh cmake/single_include.sh all > single_include/renn/all.hpp
#
# Inlines <renn/...> where it is first included, starting from include/renn/renn.hpp, and leaves all other includes in
# place. Every header must be reached, except those that renn.hpp names in a line `// by name only: folder/name.hpp`.
# These follow in the second file, which includes the first, but for those that need hnswlib.
set -eu
cd "$(dirname "$0")/../include"

find renn -name '*.hpp' | LC_ALL=C sort | awk -v wanted="${1:-renn}" '
    function fail(message) {
        print "single_include.sh: " message > "/dev/stderr"
        failed = 1
        exit 1
    }

    function inline(path,    line, parts, depth, status) {
        if (path in reached) return
        if (!(path in exists)) fail(path ": no such header")
        reached[path] = 1
        depth = 0
        while ((status = (getline line < path)) > 0) {
            if (line ~ /^[ \t]*#[ \t]*if/) ++depth
            if (line ~ /^[ \t]*#[ \t]*endif/) --depth
            if (line ~ /^[ \t]*#[ \t]*include[ \t]*<renn\//) {
                if (depth) fail(path ": includes a header of renn under a condition: " line)
                split(line, parts, /[<>]/)
                inline(parts[2])
            } else if (line ~ /^\/\/ by name only: /) {
                split(line, parts, " ")
                by_name["renn/" parts[5]] = 1
                named[++names] = "renn/" parts[5]
            } else if (line !~ /^#pragma once/ && line !~ /^\/\/ SPDX-License-Identifier:/) {
                if (line ~ /^[ \t]*#[ \t]*include[ \t]*<hnswlib\//) fail(path ": needs hnswlib")
                if (printing) print line
            }
        }
        if (status < 0) fail(path ": cannot be read")
        close(path)
    }

    { exists[$0] = 1 }

    END {
        print "// SPDX-License-Identifier: MIT"
        print "// Generated from include/renn by cmake/single_include.sh. Do not edit."
        print "#pragma once"
        print ""
        printing = wanted == "renn"
        inline("renn/renn.hpp")
        for (path in by_name) {
            if (!(path in exists)) fail(path ": no such header, but by name only in renn.hpp")
            if (path in reached) fail(path ": reached from renn.hpp, but by name only")
        }
        for (path in exists) {
            if (!(path in reached) && !(path in by_name)) fail(path ": not reached from renn.hpp")
        }
        if (wanted == "renn") exit
        printing = 1
        print "#include \"renn.hpp\""
        print ""
        for (i = 1; i <= names; ++i) {
            if (named[i] != "renn/index/hnsw.hpp") inline(named[i])
        }
    }
'
