#!/bin/sh
# SPDX-License-Identifier: MIT
# What including renn costs: compile_time.sh [ROUNDS]. CXX names the compiler (default g++).
# CPU seconds (user + system) of contender and anchor, compiled in turn; the ratio is the median of the paired ratios.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-3}
compiler=${CXX:-g++}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

sh "$root/cmake/install_packages.sh" cmake ninja-build g++ libeigen3-dev libnanoflann-dev libcereal-dev \
    libcli11-dev nlohmann-json3-dev libbenchmark-dev >&2
(cd "$root" && cmake --preset benchmark --log-level=WARNING >&2)
folders=$root/build/benchmark/tests/benchmarks/include_folders

cd "$scratch"
program() {  # NAME HEADER...
    name=$1
    shift
    printf '#include <%s>\n' "$@" > "$name.cpp"
    echo 'int main() {}' >> "$name.cpp"
}
program renn renn/renn.hpp
program dependencies Eigen/Dense nanoflann.hpp cereal/archives/portable_binary.hpp cereal/archives/json.hpp \
    cereal/types/vector.hpp cereal/types/string.hpp cereal/types/memory.hpp cereal/types/polymorphic.hpp
program core renn/network/network.hpp renn/layers/dense.hpp
program eigen Eigen/Dense
sh "$root/tests/code_blocks.sh" "$root/README.md" 1 > quick_start.cpp

seconds() {  # OPTION NAME: compiles, prints the CPU seconds of the compiler
    (
        $compiler -std=c++20 "$1" "@$folders" -c "$2.cpp" -o out.o || kill $$
        times
    ) | awk 'NR == 2 { split($1 "m" $2, t, /[ms]+/); printf "%.3f\n", 60 * t[1] + t[2] + 60 * t[3] + t[4] }'
}

median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    echo "round $round of $rounds" >&2
    echo "$(seconds -O0 renn) $(seconds -O0 dependencies)" >> whole
    echo "$(seconds -O0 core) $(seconds -O0 eigen)" >> part
    echo "$(seconds -O2 quick_start)" >> start
done

ratio() { awk '{ print $1 / $2 }' "$1" | median; }

row() {  # FILE WORK ANCHOR LIMIT
    printf '| %s | %s | %s | %s | %s | %s |\n' "$2" "$(cut -d ' ' -f 1 "$1" | median)" "$3" \
        "$(cut -d ' ' -f 2 "$1" | median)" "$(ratio "$1")" "$4"
}
echo "| compiled by $compiler | CPU s | anchor | CPU s | ratio | limit |"
echo "| --- | --- | --- | --- | --- | --- |"
row whole '`renn/renn.hpp`, -O0' 'the three dependencies' 1.35
row part '`renn/network/network.hpp`, `renn/layers/dense.hpp`, -O0' '`Eigen/Dense`' 1.30
echo "| the quick start, -O2 | $(median < start) | | | | 15 s |"

if [ -n "${RENN_BENCHMARK_TABLE:-}" ]; then  # run.sh collects all figures
    {
        echo "| compiling renn/renn.hpp alone, -O0: against its three dependencies | $(ratio whole) x | <= 1.35 x |"
        echo "| compiling a core header, -O0: against Eigen/Dense | $(ratio part) x | <= 1.3 x |"
        echo "| compiling the quick start, -O2 | $(median < start) s | <= 15 s |"
    } >> "$RENN_BENCHMARK_TABLE"
fi
