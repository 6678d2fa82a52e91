#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds all benchmarks and runs them one after another on the first core: run.sh [OPTION...], options go to each.
# PRESET names another preset than benchmark, such as clang-benchmark.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
preset=${PRESET:-benchmark}
cd "$root"
sh cmake/install_packages.sh cmake ninja-build g++ libeigen3-dev libnanoflann-dev libcereal-dev libcli11-dev \
    nlohmann-json3-dev libbenchmark-dev util-linux
cmake --preset "$preset" --log-level=WARNING
cmake --build --preset "$preset" --target benchmarks

for source in tests/benchmarks/*.cpp; do
    name=$(basename "$source" .cpp)
    printf '\n== %s\n' "$name"
    taskset -c 0 "build/$preset/tests/benchmarks/$name" "$@"
done
