#!/usr/bin/env bash
# Package: @tensorflow/tfjs 4.22.0 (tfjs-core; seen on the cpu backend, the tape is the same for all).
# Behaviour: tf.grad inside tf.grad drops every term of the second derivative that goes through an output which an
#   operation saved for its gradient (tanh, exp, sigmoid, sqrt, softmax ...). The copy of the output is recorded before
#   the operation that made it, and the search for a way from x to y, which runs in the order of the tape, does not find
#   it. Where another way exists the result is a wrong number without an error or warning; where none does, tfjs says
#   that y does not depend on x. Operations that save their inputs (square, softplus, sin) are right.
# Output seen: second derivative of x * tanh(x) at 0.3: 1.8303 (the right one is 1.6703); of exp(x): an error.
# Who is hurt: gradient penalties (WGAN-GP), Hessian-vector products, meta-learning and implicit differentiation in
#   TensorFlow.js.
# Wrong guess: nested tf.grad gives the exact second derivative of functions whose operations all have gradients.
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
const at = tf.scalar(0.3)
const second = (f) => tf.grad((x) => tf.grad((z) => f(z))(x))(at).dataSync()[0]
const t = Math.tanh(0.3)
const right = 2 * (1 - t * t) - 2 * 0.3 * t * (1 - t * t)
const found = second((x) => tf.mul(x, tf.tanh(x)))
let failure = 'none'
try {
  second(tf.exp)
} catch (thrown) {
  failure = thrown.message
}
console.log(`x tanh(x): tfjs ${found.toFixed(4)}, right ${right.toFixed(4)}; exp(x): ${failure}`)
console.log(`square: ${second(tf.square)} (right: 2)`)
const holds = Math.abs(found - right) > 0.1 && failure.startsWith('Cannot compute gradient')
if (!holds) console.log('changed: nested gradients follow saved outputs now')
process.exit(holds ? 0 : 1)
JS
node run.cjs
