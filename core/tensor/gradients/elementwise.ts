import * as tf from '@tensorflow/tfjs-core'
import { innerProduct, reluGradient } from '../fused.ts'
import { binary, fromGradient, fromInput, fromOutput, type GradientRule, type GradientTable, masked } from './rule.ts'

const flat = fromGradient((dy) => tf.zeros(dy.shape))
const one = (x: tf.Tensor) => tf.sub(1, tf.square(x))

// SELU's constants (Klambauer et al., 2017).
const seluAlpha = 1.6732632423543772
const seluScale = 1.0507009873554805

/** Functions of one value. */
const unary: GradientTable = {
  Abs: fromInput((dy, x) => tf.mul(dy, tf.sign(x))),
  Acos: fromInput((dy, x) => tf.neg(tf.div(dy, tf.sqrt(one(x))))),
  Acosh: fromInput((dy, x) => tf.div(dy, tf.sqrt(tf.sub(tf.square(x), 1)))),
  Asin: fromInput((dy, x) => tf.div(dy, tf.sqrt(one(x)))),
  Asinh: fromInput((dy, x) => tf.div(dy, tf.sqrt(tf.add(tf.square(x), 1)))),
  Atan: fromInput((dy, x) => tf.div(dy, tf.add(tf.square(x), 1))),
  Atanh: fromInput((dy, x) => tf.div(dy, one(x))),
  Cast: fromGradient((dy) => tf.cast(dy, 'float32')),
  ClipByValue: fromInput((dy, x, { clipValueMin, clipValueMax }: { clipValueMin: number; clipValueMax: number }) =>
    masked(dy, tf.logicalAnd(tf.greaterEqual(x, clipValueMin), tf.lessEqual(x, clipValueMax))),
  ),
  Cos: fromInput((dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  Cosh: fromInput((dy, x) => tf.mul(dy, tf.sinh(x))),
  Elu: fromOutput((dy, y) => tf.mul(dy, tf.add(tf.minimum(y, 0), 1))),
  Erf: fromInput((dy, x) => tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI)))),
  Exp: fromOutput((dy, y) => tf.mul(dy, y)),
  Expm1: fromOutput((dy, y) => tf.mul(dy, tf.add(y, 1))),
  Identity: fromGradient((dy) => tf.cast(dy, 'float32')),
  LeakyRelu: fromInput((dy, x, { alpha }: { alpha: number }) =>
    tf.mul(dy, tf.add(tf.mul(tf.cast(tf.greater(x, 0), 'float32'), 1 - alpha), alpha)),
  ),
  Log: fromInput((dy, x) => tf.div(dy, x)),
  Log1p: fromInput((dy, x) => tf.div(dy, tf.add(x, 1))),
  Neg: fromGradient((dy) => tf.neg(dy)),
  Reciprocal: fromOutput((dy, y) => tf.neg(tf.mul(dy, tf.square(y)))),
  Relu: fromOutput((dy, y) => reluGradient(dy, y)),
  Relu6: fromOutput((dy, y) => masked(dy, tf.logicalAnd(tf.greater(y, 0), tf.less(y, 6)))),
  Rsqrt: fromOutput((dy, y) => tf.mul(dy, tf.mul(tf.mul(tf.square(y), y), -0.5))),
  // Below 0, y = scale·α·(eˣ − 1), so its slope is y + scale·α.
  Selu: fromOutput((dy, y) => {
    const below = tf.add(tf.minimum(y, 0), seluScale * seluAlpha)
    return tf.mul(dy, tf.where(tf.greater(y, 0), tf.fill(y.shape, seluScale), below))
  }),
  Sigmoid: fromOutput((dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y)))),
  Sin: fromInput((dy, x) => tf.mul(dy, tf.cos(x))),
  Sinh: fromInput((dy, x) => tf.mul(dy, tf.cosh(x))),
  Softplus: fromInput((dy, x) => tf.mul(dy, tf.sigmoid(x))),
  Sqrt: fromOutput((dy, y) => tf.div(tf.mul(dy, 0.5), y)),
  Square: fromInput((dy, x) => tf.mul(dy, tf.mul(x, 2))),
  Tan: fromOutput((dy, y) => tf.mul(dy, tf.add(tf.square(y), 1))),
  Tanh: fromOutput((dy, y) => tf.mul(dy, one(y))),
}

/**
 * The gradient of a factor. If the factor is a single number, it is computed in one pass over dy and the other factor.
 */
const ofFactor = (dy: tf.Tensor, other: tf.Tensor, factor: tf.Tensor): tf.Tensor =>
  factor.size === 1 && tf.util.arraysEqual(dy.shape, other.shape)
    ? tf.reshape(innerProduct(dy, tf.cast(other, 'float32')), factor.shape)
    : tf.mul(dy, tf.cast(other, 'float32'))

const indicesOnly: GradientRule = {
  inputsToSave: ['indices'],
  gradFunc: (_dy, [indices]) => ({ indices: () => tf.zeros((indices as tf.Tensor).shape) }),
}

const zeroOfInput = fromInput((_dy, x) => tf.zeros(x.shape))
const none = (dy: tf.Tensor) => tf.zeros(dy.shape)
const stepOfTwo = binary(none, none)

/** Step functions: their derivative is 0 wherever it exists. */
const steps: GradientTable = {
  All: zeroOfInput,
  Any: zeroOfInput,
  ArgMax: zeroOfInput,
  ArgMin: zeroOfInput,
  Ceil: flat,
  Equal: stepOfTwo,
  Floor: flat,
  FloorDiv: stepOfTwo,
  Greater: stepOfTwo,
  GreaterEqual: stepOfTwo,
  IsFinite: flat,
  IsInf: flat,
  IsNan: flat,
  Less: stepOfTwo,
  LessEqual: stepOfTwo,
  LogicalAnd: stepOfTwo,
  LogicalNot: flat,
  LogicalOr: stepOfTwo,
  LogicalXor: stepOfTwo,
  NotEqual: stepOfTwo,
  OneHot: indicesOnly,
  OnesLike: flat,
  Round: flat,
  Sign: flat,
  Step: flat,
  ZerosLike: flat,
}

/**
 * Functions of two values that broadcast against each other; if both values of a maximum are equal, `a` receives the
 * gradient.
 */
const pairs: GradientTable = {
  Add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  Atan2: binary(
    (dy, a, b) => tf.mul(dy, tf.div(b, tf.add(tf.square(a), tf.square(b)))),
    (dy, a, b) => tf.neg(tf.mul(dy, tf.div(a, tf.add(tf.square(a), tf.square(b))))),
  ),
  Maximum: binary(
    (dy, a, b) => masked(dy, tf.greaterEqual(a, b)),
    (dy, a, b) => masked(dy, tf.less(a, b)),
  ),
  Minimum: binary(
    (dy, a, b) => masked(dy, tf.lessEqual(a, b)),
    (dy, a, b) => masked(dy, tf.greater(a, b)),
  ),
  Mod: binary(
    (dy) => dy,
    (dy, a, b) => tf.neg(tf.mul(dy, tf.floor(tf.div(a, b)))),
  ),
  Multiply: binary(
    (dy, a, b) => ofFactor(dy, b, a),
    (dy, a, b) => ofFactor(dy, a, b),
  ),
  Pow: binary(
    (dy, a, b) => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))),
    // The logarithm is taken only where it exists: aᵇ·log a is 0 at a = 0.
    (dy, a, b) => {
      const positive = tf.greater(a, 0)
      const log = tf.where(positive, tf.log(tf.where(positive, a, tf.onesLike(a))), tf.zerosLike(a))
      return tf.mul(dy, tf.mul(tf.pow(a, b), log))
    },
  ),
  RealDiv: binary(
    (dy, _a, b) => tf.div(dy, tf.cast(b, 'float32')),
    (dy, a, b) => tf.neg(tf.mul(dy, tf.div(a, tf.square(b)))),
  ),
  SquaredDifference: binary(
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)),
  ),
  Sub: binary(
    (dy) => dy,
    (dy) => tf.neg(dy),
  ),
}

export const elementwise: GradientTable = { ...unary, ...steps, ...pairs }
