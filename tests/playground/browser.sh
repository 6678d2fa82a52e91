#!/bin/sh
# SPDX-License-Identifier: MIT
# browser.sh PROGRAM FOLDER [JOURNEY...]: the journeys of run.mjs, with their packages from npm in the folder. Exit code
# 77 where Chromium, node or the packages cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$1
folder=$2
shift 2

command -v node >/dev/null || { echo "node is not there, so no journey is made"; exit 77; }
for name in chromium chromium-browser google-chrome; do
    CHROMIUM=$(command -v "$name") && break
done
[ -n "$CHROMIUM" ] || { echo "Chromium is not there, so no journey is made"; exit 77; }
export CHROMIUM

# The journeys are copied to where their packages are, as modules look for packages beside and above them.
mkdir -p "$folder"
rm -rf "$folder/journeys"
cp -R "$here/package.json" "$here"/*.mjs "$here/journeys" "$folder"
if ! cmp -s "$folder/package.json" "$folder/node_modules/installed.json"; then
    command -v npm >/dev/null || { echo "npm is not there, so no journey is made"; exit 77; }
    (cd "$folder" && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error) ||
        { echo "the packages cannot be had, so no journey is made"; exit 77; }
    cp "$folder/package.json" "$folder/node_modules/installed.json"
fi
exec node "$folder/run.mjs" "$program" "$@"
