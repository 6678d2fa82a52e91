#!/bin/sh
# SPDX-License-Identifier: MIT
# code_blocks.sh PAGE [NUMBER]: the blocks of C++ of a Markdown page, ```cpp to ```, as one program; with a number, the
# block of that number alone, as it is.
#
# A block with a main is a program of its own. One that begins with struct, class, template, namespace, using or
# inline is a part outside functions. Every other one is statements: they see the names of the blocks before them and
# may use them anew. A reader does not see a block in a comment, <!--cpp to -->; ```cpp no-compile is left out.
set -eu
awk -v page="$1" -v wanted="${2:-0}" '
    !inside && /^(```cpp *|<!--cpp *)$/ {
        inside = 1
        end = /^`/ ? "^``` *$" : "^--> *$"
        ++blocks
        kind[blocks] = ""
        text[blocks] = "#line " (NR + 1) " \"" page "\"\n"
        next
    }
    inside && $0 ~ end { inside = 0; next }
    inside {
        if (blocks == wanted) print
        if (/^#include /) {
            includes = includes $0 "\n"
            text[blocks] = text[blocks] "\n"
            next
        }
        if (sub(/^int main\(\) \{/, "void program() {")) kind[blocks] = "program"
        if (kind[blocks] == "" && !/^ *(\/\/.*)?$/) {
            kind[blocks] = /^(struct|class|template|namespace|using|inline)[ <]/ ? "outside" : "statements"
        }
        text[blocks] = text[blocks] $0 "\n"
    }
    END {
        if (inside || blocks < wanted || blocks == 0) {
            print page ": " (inside ? "a block of C++ is not closed" : "no such block of C++") > "/dev/stderr"
            exit 1
        }
        if (wanted) exit
        printf "%s#include <renn/renn.hpp>\n", includes
        for (b = 1; b <= blocks; ++b) {
            if (kind[b] == "outside") printf "%s", text[b]
            if (kind[b] == "program") {
                printf "namespace program%d {\n%s}\n", b, text[b]
                calls = calls "program" b "::program();\n"
            }
        }
        printf "int main() {\n%s", calls
        for (b = 1; b <= blocks; ++b) {
            if (kind[b] != "statements") continue
            printf "{\n%s", text[b]
            closing = closing "}"
        }
        print closing "}"
    }
' "$1"
