#!/bin/sh
# SPDX-License-Identifier: MIT
# embed_script.sh SCRIPT HEADER NAME: writes a C++ header with std::string NAME(), the text of a script; "" if it is not
# there. The text is cut into pieces, as compilers take no longer literals.
set -eu
script=$1 header=$2 name=$3
[ -f "$script" ] || script=/dev/null
LC_ALL=C awk -v name="$name" '
    BEGIN {
        print "#pragma once\n#include <string>\n#include <string_view>\n"
        print "inline std::string " name "() {\n    std::string text;"
        print "    for (const std::string_view piece : {std::string_view()"
    }
    function flush() {
        if (piece != "") printf ",\nstd::string_view(R\"~script~(%s)~script~\")", piece
        piece = ""
    }
    {
        line = $0 "\n"
        while (length(line) > 30000) {  # cut behind a semicolon, never inside a letter of several bytes
            cut = 30000
            while (cut > 1 && substr(line, cut, 1) != ";") --cut
            flush()
            piece = substr(line, 1, cut)
            line = substr(line, cut + 1)
        }
        if (length(piece) + length(line) > 60000) flush()
        piece = piece line
    }
    END {
        flush()
        print "}) {\n        text += piece;\n    }\n    return text;\n}"
    }
' "$script" > "$header.new"
mv -f "$header.new" "$header"
