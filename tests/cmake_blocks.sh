#!/bin/sh
# SPDX-License-Identifier: MIT
# cmake_blocks.sh PAGE SOURCE BUILD SCRATCH CMAKE-ARGUMENT...: configures a project from each block of CMake of a page,
# ```cmake to ```. It finds renn's source tree below third_party/ and where it would fetch it, and its package in BUILD.
set -eu
page=$1 source=$2 build=$3 scratch=$4
shift 4
rm -rf "$scratch"
mkdir -p "$scratch/third_party"
ln -s "$source" "$scratch/third_party/renn"
cp "$source/tests/consumer/consumer.cpp" "$scratch"
count=$(grep -c '^```cmake$' "$page")
number=0
while [ "$number" -lt "$count" ]; do
    number=$((number + 1))
    {
        printf 'cmake_minimum_required(VERSION 3.25)\nproject(page LANGUAGES CXX)\nadd_executable(app consumer.cpp)\n'
        awk -v number="$number" '
            /^```cmake$/ { inside = ++blocks == number; next }
            /^```/       { inside = 0 }
            inside       { gsub(/<[^>]*>/, "a_placeholder"); print }
        ' "$page"
    } > "$scratch/CMakeLists.txt"
    cmake -S "$scratch" -B "$scratch/build$number" --log-level=WARNING -Drenn_DIR="$build" \
        -DFETCHCONTENT_SOURCE_DIR_RENN="$source" "$@"
done
