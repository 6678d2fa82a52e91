#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs the tests counting what runs, and prints how much of include/renn they cover; with --missed, also
# what they do not. About 12 minutes on one core. What the figures count: see coverage.py.
set -eu
cd "$(dirname "$0")/.."
build=build/coverage

cmake --preset coverage
cmake --build --preset coverage
rm -rf "$build/profiles"
ctest --preset coverage

# llvm-cov warns of mismatched data: of inline functions that a program has, but without code, as it does not call them.
version=$(clang++ -dumpversion | cut -d. -f1)
profdata=$(command -v "llvm-profdata-$version" || command -v llvm-profdata)
cov=$(command -v "llvm-cov-$version" || command -v llvm-cov)
"$profdata" merge -sparse "$build"/profiles/*.profraw -o "$build/tests.profdata"
set -- "$@" --
for program in "$build"/tests/*_test; do set -- "$@" -object "$program"; done
flags=
while [ "$1" != -- ]; do flags="$flags $1"; shift; done
shift 2  # the first program is named without -object
"$cov" export -skip-expansions -skip-functions -instr-profile="$build/tests.profdata" "$@" include/renn |
    python3 tests/coverage.py include/renn $flags
