#!/bin/sh
# SPDX-License-Identifier: MIT
# The playground: compose a network, train it, retrace its predictions and look, in a browser on this machine.
# playground.sh [OPTION...]: options go to the program, `--help` lists them: --port, --data, --load, --no-open.
# MNIST_FOLDER may name a folder with the data.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
heading() { printf '\n== %s\n' "$*"; }

heading "Packages"
sh "$root/cmake/install_packages.sh" cmake ninja-build g++ libboost-dev libeigen3-dev libnanoflann-dev libcereal-dev \
    libcli11-dev nlohmann-json3-dev curl ca-certificates
command -v npm >/dev/null || sh "$root/cmake/install_packages.sh" npm  # brings what draws in three dimensions

heading "Build (a few minutes the first time)"
(
    cd "$root"
    cmake --preset release -DRENN_BUILD_TESTS=OFF --log-level=WARNING
    cmake --build --preset release --target playground
)

given=
for argument; do
    case $argument in -d | --data | -d?* | --data=*) given=yes ;; esac
done
if [ -z "$given" ]; then
    heading "Data"
    sh "$root/examples/fetch_mnist.sh" "${MNIST_FOLDER:-}" || echo "so this runs on the subset that ships with renn"
fi

heading "Playground"
exec "$root/build/release/examples/playground/playground" "$@"
