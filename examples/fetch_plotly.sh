#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch_plotly.sh [FROM [TO]]: brings the script of plotly.js that draws in three dimensions to TO (default:
# build/data/plotly-gl3d.min.js of this project). Tries the file FROM, then npm; takes only the one with the right SHA-256.
# Fails with one line where neither works; TO then is as it was.
set -eu

from=${1:-}
to=${2:-$(cd "$(dirname "$0")/.." && pwd)/build/data/plotly-gl3d.min.js}
package=plotly.js-gl3d-dist-min@4.1.1
checksum=aab04dcd9c103a92b18723f8c837712fe820f325d0bcd2421e415e8124a75b9f

verified() { echo "$checksum  $1" | sha256sum --check --status 2>/dev/null; }

if verified "$to"; then
    echo "plotly.js is already in $to"
    exit 0
fi

mkdir -p "$(dirname "$to")"
scratch=$(mktemp -d "$to.XXXXXX")  # beside the target, so that the last step is a rename
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

from_npm() {
    command -v npm >/dev/null || return 1
    (cd "$scratch" && npm pack --silent --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=60000 "$package" &&
        tar --no-same-owner -xzf ./*.tgz && mv package/plotly-gl3d.min.js script) >/dev/null 2>&1
}

if { [ -n "$from" ] && cp "$from" "$scratch/script" && verified "$scratch/script"; } ||
    { from_npm && verified "$scratch/script"; }; then
    mv -f "$scratch/script" "$to"
    echo "$package is now in $to"
    exit 0
fi
echo "plotly.js could not be fetched: pages leave out what is drawn with it"
exit 1
