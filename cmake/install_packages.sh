#!/bin/sh
# SPDX-License-Identifier: MIT
# install_packages.sh PACKAGE...: installs those that are missing (Debian 12 or later, Ubuntu 24.04 or later).
# Where it cannot, it says what is missing and succeeds: the tools may be there from elsewhere.
set -u

if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system, so please provide what these packages hold: $*"
    exit 0
fi

missing=
for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed$' || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "all packages are installed"
    exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
    root=
elif [ -t 0 ]; then
    root=sudo
else
    root='sudo -n'  # nobody is there to type a password
fi
echo "installing:$missing"
apt() { $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 "$@"; }
apt update || echo "the package lists could not be updated; going on with what is there"
# shellcheck disable=SC2086
apt install --no-install-recommends $missing || echo "could not install all of:$missing; going on without"
