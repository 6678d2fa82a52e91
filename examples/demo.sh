#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job: trains a network on MNIST and writes a page that traces its predictions back to training images.
# demo.sh [OPTION...]: options go to mnist_retrace, `--help` lists them. MNIST_FOLDER may name a folder with the data.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
heading() { printf '\n== %s\n' "$*"; }

heading "Packages"
sh "$root/cmake/install_packages.sh" cmake ninja-build g++ libeigen3-dev libnanoflann-dev libcereal-dev libcli11-dev \
    nlohmann-json3-dev curl ca-certificates

heading "Build (about a minute)"
(
    cd "$root"
    cmake --preset release -DRENN_BUILD_TESTS=OFF --log-level=WARNING
    cmake --build --preset release --target mnist_retrace
)

heading "Data"
sh "$root/examples/fetch_mnist.sh" "${MNIST_FOLDER:-}" || echo "so this runs on the subset that ships with renn"

heading "Train, record, retrace"
"$root/build/release/examples/mnist_retrace" "$@"

output=report.html
previous=
for argument; do
    case $previous in -o | --output) output=$argument ;; esac
    case $argument in --output=*) output=${argument#--output=} ;; esac
    previous=$argument
done
if [ -f "$output" ]; then
    heading "Done: open $(cd "$(dirname "$output")" && pwd)/$(basename "$output") in a browser"
fi
