#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the single header: sh cmake/single_include.sh > single_include/renn/renn.hpp
#
# Inlines <renn/...> where it is first included, starting from include/renn/renn.hpp, and leaves all other includes in
# place. Every header must be reached, except those that renn.hpp names in a line `// by name only: folder/name.hpp`.
set -eu
cd "$(dirname "$0")/../include"

find renn -name '*.hpp' | LC_ALL=C sort | awk '
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
            } else if (line !~ /^#pragma once/ && line !~ /^\/\/ SPDX-License-Identifier:/) {
                print line
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
        inline("renn/renn.hpp")
        for (path in by_name) {
            if (!(path in exists)) fail(path ": no such header, but by name only in renn.hpp")
            if (path in reached) fail(path ": reached from renn.hpp, but by name only")
        }
        for (path in exists) {
            if (!(path in reached) && !(path in by_name)) fail(path ": not reached from renn.hpp")
        }
    }
'
