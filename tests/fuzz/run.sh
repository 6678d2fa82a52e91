#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzzes every loader: run.sh [-b FUZZER] [-r RUNS] [-k FOLDER] [SECONDS [LOADER...]], by default 60 seconds for each.
#   -b  the fuzzer; without, it is built in the asan preset
#   -r  ends a loader after that many executions, the same ones every time
#   -k  keeps what is found there, and begins with what is there; it is also where crashes are left
# Begins with the files of corpus/ and others, whole and broken, that the library writes itself. Ends with a table;
# peak memory is that of the whole process, which is mostly the sanitizers'.
set -u

folder=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$folder/../.." && pwd)
fuzzer=
runs=-1
seed=0  # another one each time
work=
while getopts b:r:k: option; do
    case $option in
        b) fuzzer=$OPTARG ;;
        r) runs=$OPTARG seed=1 ;;
        k) work=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
seconds=60
if [ $# -gt 0 ]; then
    seconds=$1
    shift
fi

if [ -z "$fuzzer" ]; then
    (cd "$root" && cmake --preset asan --log-level=WARNING && cmake --build --preset asan --target fuzz) || exit 1
    fuzzer=$root/build/asan/tests/fuzz/fuzz
fi
# Sanitizers of older compilers do not cope with the widest address randomisation of newer kernels.
setarch "$(uname -m)" -R true 2>/dev/null && fuzzer="setarch $(uname -m) -R $fuzzer"

kept=$work
[ -n "$work" ] || work=$(mktemp -d)
mkdir -p "$work/seeds" && work=$(cd "$work" && pwd) || exit 1
$fuzzer "--seeds=$work/seeds" || exit 1
[ $# -gt 0 ] || set -- $($fuzzer --list)

crashes=0
table=
for loader; do
    mkdir -p "$work/$loader" "$work/seeds/$loader"
    log=$work/$loader.log
    found=0
    $fuzzer "--loader=$loader" -max_total_time="$seconds" -runs="$runs" -seed="$seed" -max_len=16384 -timeout=60 \
        -print_final_stats=1 -artifact_prefix="$work/crash_${loader}_" \
        "$work/$loader" "$work/seeds/$loader" "$folder/corpus/$loader" >"$log" 2>&1 || found=1
    if [ $found -ne 0 ]; then
        crashes=$((crashes + 1))
        grep -v '^#' "$log" | tail -n 60
    fi
    value() { sed -n "s/^stat::$1: *//p" "$log"; }
    line=$(printf '%-12s %12s %8d %8s MB' "$loader" "$(value number_of_executed_units)" $found "$(value peak_rss_mb)")
    echo "$line"
    table="$table$line
"
done
printf '\n%-12s %12s %8s %11s\n%s' loader executions crashes "peak memory" "$table"
if [ $crashes -gt 0 ]; then
    echo "$crashes crashes, in $work"
elif [ -z "$kept" ]; then
    rm -rf "$work"
fi
[ $crashes -eq 0 ]
