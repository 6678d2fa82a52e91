#!/bin/sh
# SPDX-License-Identifier: MIT
# mixing_fails.sh SCRATCH COMPILER OPTION...: two files link when compiled alike, and not when one is for AVX.
set -u
here=$(dirname "$0")
scratch=$1
shift
mkdir -p "$scratch"
fail() { echo "$1"; exit 1; }

"$@" -mno-avx -c "$here/one.cpp" -o "$scratch/one.o" || fail "one.cpp does not compile"
"$@" -mno-avx -c "$here/two.cpp" -o "$scratch/two.o" || fail "two.cpp does not compile"
"$@" -mavx -c "$here/two.cpp" -o "$scratch/two_avx.o" || fail "two.cpp does not compile for AVX"
"$@" "$scratch/one.o" "$scratch/two.o" -o "$scratch/alike" || fail "compiled alike they do not link"
"$@" "$scratch/one.o" "$scratch/two_avx.o" -o "$scratch/mixed" > "$scratch/log" 2>&1 && fail "compiled differently they link"
grep -q 'undefined reference.*abi_[0-9_]*_align' "$scratch/log" || { cat "$scratch/log"; fail "it fails otherwise than expected"; }
