#!/usr/bin/env bash
# Package: @tensorflow/tfjs 4.22.0 (cpu backend).
# Behaviour: tf.einsum of two tensors leaves one out when it has none of the letters that are summed over: 'i,kj->ij'
#   gives the sum over k of the second alone, of shape [1, j] instead of [i, j]. There is no error.
# Output seen: shape [1,4], values 2,2,2,2 for tensors of 5 and 1 (right: shape [3,4], all 10).
# Who is hurt: attention and bilinear forms written as einsum, and graphs converted from TensorFlow that hold Einsum.
# Wrong guess: einsum of two inputs agrees with numpy.einsum for every equation that it accepts.
# Exits 1 if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @tensorflow/tfjs@4.22.0 >/dev/null
cat >run.cjs <<'JS'
const tf = require('@tensorflow/tfjs')
tf.setBackend('cpu')
const y = tf.einsum('i,kj->ij', tf.fill([3], 5), tf.ones([2, 4]))
console.log(`shape ${JSON.stringify(y.shape)}, values ${[...y.dataSync()]} (right: shape [3,4], all 10)`)
const holds = JSON.stringify(y.shape) === '[1,4]'
if (!holds) console.log('changed: both inputs take part now')
process.exit(holds ? 0 : 1)
JS
node run.cjs
