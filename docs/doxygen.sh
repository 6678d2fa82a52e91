#!/bin/sh
# SPDX-License-Identifier: MIT
# doxygen.sh FOLDER: writes the reference to FOLDER/html. Prints what doxygen has to say and fails if there is anything.
#
# Members whose names say it, beside the comment of their class, need no comment of their own; likewise the parameters,
# caches and locators that layers and index policies must have.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
said=$({ cat docs/Doxyfile && echo "OUTPUT_DIRECTORY = \"$folder\""; } | doxygen - 2>&1 | sed -E \
    -e '/warning: Member .* of (class|struct|union) .* is not documented/d' \
    -e '/warning: Compound .*::(Cache|Parameters|Locator) is not documented/d')
[ -z "$said" ] || { printf '%s\n' "$said"; exit 1; }
