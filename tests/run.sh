#!/bin/sh
# SPDX-License-Identifier: MIT
# All tests: run.sh [PRESET...], by default gcc, asan (clang++) and tsan; release is g++ as users have it.
# The last line is the sum over all presets; a preset that fails to configure or to build counts as one failed test.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
[ $# -gt 0 ] || set -- gcc asan tsan
jobs=$(nproc)
heading() { printf '\n== %s\n' "$*"; }

passed=0
failed=0
table=
summary() {
    heading "Summary"
    printf '%s' "$table"
    printf '%d passed, %d failed\n' "$passed" "$failed"
}
trap 'table="${table}interrupted
"; failed=$((failed + 1)); summary; exit 1' HUP INT TERM

run() {  # STEP COMMAND...: a failed step is one failed test
    step=$1
    shift
    if ! "$@"; then
        failed=$((failed + 1))
        remark="$remark, $step failed"
        return 1
    fi
}

# Sets what the last lines of ctest say: "96% tests passed, 2 tests failed out of 50".
count() {
    line=$(grep 'tests failed out of' "$1" 2>/dev/null | tail -n 1)
    total=${line##* }
    bad=${line%% tests failed*}
    bad=${bad##* }
}

heading "Packages"
sh cmake/install_packages.sh cmake ninja-build make pkg-config g++ clang libboost-dev libboost-test-dev libeigen3-dev \
    libnanoflann-dev libcereal-dev libcli11-dev nlohmann-json3-dev libhnswlib-dev lld clang-tidy cppcheck doxygen
sh cmake/install_packages.sh "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"  # its sanitizers
case " $* " in
    *" gcc "* | *" release "*)  # pages are opened in a browser, where there is one
        for tool in node:nodejs npm:npm chromium:chromium; do
            command -v "${tool%:*}" >/dev/null || sh cmake/install_packages.sh "${tool#*:}"
        done
        ;;
esac

for preset; do
    started=$(date +%s)
    remark=
    heading "$preset: configure and build"
    if run configure cmake --preset "$preset" -DRENN_TEST_TOGETHER=ON --log-level=WARNING; then
        run build cmake --build --preset "$preset" --parallel "$jobs" -- -k 0
        case $preset in
            asan)  # by the quicker compiler; the include directories and the standard library are the same
                heading "$preset: each header alone"
                run "each header alone" cmake --build --preset "$preset" --target headers_alone
                ;;
        esac

        heading "$preset: test"
        log=build/$preset/ctest.log
        rm -f "$log"
        # Sanitizers of older compilers do not cope with the widest address randomisation of newer kernels.
        fixed_addresses=
        case $preset in
            asan | tsan) setarch "$(uname -m)" -R true 2>/dev/null && fixed_addresses="setarch $(uname -m) -R" ;;
        esac
        $fixed_addresses ctest --preset "$preset" --parallel "$jobs" --output-log "$log"
        count "$log"
        if [ -n "$total" ] && [ "$total" -gt 0 ]; then
            passed=$((passed + total - bad))
            failed=$((failed + bad))
            remark="$((total - bad)) passed, $bad failed$remark"
        else
            failed=$((failed + 1))
            remark="no test ran$remark"
        fi
    fi
    table="$table$(printf '%-10s %5d s  %s' "$preset" $(($(date +%s) - started)) "${remark#, }")
"
done

summary
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
