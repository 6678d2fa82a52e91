#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds all benchmarks, runs them one after another and prints what was measured beside what is to be reached:
# run.sh [OPTION...], options go to each. PRESET names another preset than benchmark, such as clang-benchmark;
# RENN_MNIST a folder with MNIST; COMPILE_ROUNDS=0 leaves the compile times out.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
preset=${PRESET:-benchmark}
cd "$root"
sh cmake/install_packages.sh cmake ninja-build g++ libeigen3-dev libnanoflann-dev libcereal-dev libcli11-dev \
    nlohmann-json3-dev libbenchmark-dev libhnswlib-dev libfaiss-dev libopenblas-serial-dev
cmake --preset "$preset" --log-level=WARNING
cmake --build --preset "$preset" --target benchmarks

table=$(mktemp)
output=$(mktemp)
trap 'rm -f "$table" "$output"' EXIT
trap 'exit 1' HUP INT TERM
export RENN_BENCHMARK_TABLE="$table"

wrong=
for source in tests/benchmarks/*.cpp; do
    name=$(basename "$source" .cpp)
    printf '\n== %s\n' "$name"
    "build/$preset/tests/benchmarks/$name" "$@" > "$output" 2>&1 || wrong="$wrong $name"
    cat "$output"
    ! grep -q "ERROR OCCURRED: 'they differ'" "$output" || wrong="$wrong $name"
done

rounds=${COMPILE_ROUNDS:-3}
if [ "$rounds" -gt 0 ]; then
    printf '\n== compile times\n'
    sh tests/benchmarks/compile_time.sh "$rounds"
fi

printf '\n| work | measured | target |\n| --- | --- | --- |\n'
cat "$table"
if [ -n "$wrong" ]; then
    echo "failed, or came to other numbers than their peers:$wrong"
    exit 1
fi
