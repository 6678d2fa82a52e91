#!/bin/sh
# SPDX-License-Identifier: MIT
# browser.sh PAGE...: what browser.mjs finds wrong with pages in Chromium. Exit code 77 where Chromium or node is not.
set -eu
command -v node >/dev/null || { echo "node is not there, so no page is opened"; exit 77; }
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exec node "$(dirname "$0")/browser.mjs" "$name" "$@"
    fi
done
echo "Chromium is not there, so no page is opened"
exit 77
