import * as tf from '@tensorflow/tfjs-core'

/** Attributes as tfjs hands them to a gradient; each rule knows its own. */
export type Attributes = tf.NamedAttrMap

/** How a kernel's output gradient becomes the gradients of its inputs. */
export type GradientRule = Omit<tf.GradConfig, 'kernelName'>

/** Kernel name → rule. */
export type GradientTable = Readonly<Record<string, GradientRule>>

/** One input whose gradient needs that input; `name` is the kernel's name for it. */
export const fromInput = <A>(
  rule: (dy: tf.Tensor, x: tf.Tensor, attributes: A) => tf.Tensor,
  name = 'x',
): GradientRule => ({
  inputsToSave: [name],
  gradFunc: (dy, [x], attributes) => ({ [name]: () => rule(dy as tf.Tensor, x as tf.Tensor, attributes as A) }),
})

/** One input whose gradient needs the output only. */
export const fromOutput = <A>(
  rule: (dy: tf.Tensor, y: tf.Tensor, attributes: A) => tf.Tensor,
  name = 'x',
): GradientRule => ({
  inputsToSave: [],
  outputsToSave: [true],
  gradFunc: (dy, [y], attributes) => ({ [name]: () => rule(dy as tf.Tensor, y as tf.Tensor, attributes as A) }),
})

/** One input `x` whose gradient needs input and output. */
export const fromBoth = <A>(
  rule: (dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor, attributes: A) => tf.Tensor,
): GradientRule => ({
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc: (dy, [x, y], attributes) => ({
    x: () => rule(dy as tf.Tensor, x as tf.Tensor, y as tf.Tensor, attributes as A),
  }),
})

/** One input `x` whose gradient needs nothing but dy. */
export const fromGradient = <A>(rule: (dy: tf.Tensor, attributes: A) => tf.Tensor): GradientRule => ({
  gradFunc: (dy, _saved, attributes) => ({ x: () => rule(dy as tf.Tensor, attributes as A) }),
})

/** Sums a gradient over the axes along which its input was broadcast. */
export function unbroadcast(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape)
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, shape)
}

type Side = (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor

/** Two inputs `a` and `b` that broadcast; each side's rule gives its gradient in the output's shape. */
export const binary = (ofA: Side, ofB: Side): GradientRule => ({
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, [a, b]) => {
    const sides = [dy as tf.Tensor, a as tf.Tensor, b as tf.Tensor] as const
    return {
      a: () => unbroadcast(ofA(...sides), sides[1].shape),
      b: () => unbroadcast(ofB(...sides), sides[2].shape),
    }
  },
})

/** dy where the condition holds, 0 elsewhere. */
export const masked = (dy: tf.Tensor, condition: tf.Tensor): tf.Tensor => tf.mul(dy, tf.cast(condition, 'float32'))
