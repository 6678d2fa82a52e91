#!/bin/sh
# SPDX-License-Identifier: MIT
# quick_start.sh README: prints the first block of C++ below the README's heading "Quick start".
set -eu
awk '
    /^## /                          { inside = ($0 == "## Quick start") }
    inside && !code && /^```cpp *$/ { code = 1; next }
    code && /^```/                  { closed = 1; exit }
    code                            { print }
    END {
        if (!closed) {
            print FILENAME ": no block of C++ below the heading \"## Quick start\"" > "/dev/stderr"
            exit 1
        }
    }
' "$1"
