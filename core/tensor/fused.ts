/**
 * Training primitives that engines may fuse. Each is one named tfjs kernel with a registered gradient: an engine that
 * has a kernel of that name runs it in one or two passes over memory. For any other engine, the composition of tfjs
 * operations below is registered as its kernel at the first call. Tests compare fused kernels with it.
 */
import * as tf from '@tensorflow/tfjs-core'
import { error } from './errors.ts'

/** Names and signatures of the kernels an engine may register to run these primitives itself. */
export const fusedKernels = {
  /** inputs { x [..., C], gamma [C], beta [C] }, attrs { epsilon, relu } → [y, mean [C], variance [C]] */
  batchNorm: 'BatchNormTraining',
  /** inputs { dy, x, gamma, beta, mean, variance }, attrs { epsilon, relu } → [dx, dgamma, dbeta] */
  batchNormGrad: 'BatchNormTrainingGrad',
  /** inputs { x [..., C], scale [C], shift [C] }, attrs { relu } → y */
  scaleShift: 'ScaleShift',
  /** inputs { dy, x, scale, shift }, attrs { relu } → [dx, dscale, dshift] */
  scaleShiftGrad: 'ScaleShiftGrad',
  /** inputs { x [N, H, W, C] } → [N, C] */
  spatialMean: 'SpatialMean',
  /** inputs { dy [N, C] }, attrs { height, width } → [N, H, W, C] */
  spatialMeanGrad: 'SpatialMeanGrad',
  /** inputs { a, b } of one shape → scalar */
  innerProduct: 'InnerProduct',
  /** inputs { dy, y } of one shape → dy where y is positive */
  reluGrad: 'ReluGrad',
} as const

export interface BatchNormOutput {
  /** Normalised (and rectified), of x's shape. */
  readonly y: tf.Tensor
  /** Batch mean [C]; no gradient flows through it. */
  readonly mean: tf.Tensor1D
  /** Biased batch variance [C]; no gradient flows through it. */
  readonly variance: tf.Tensor1D
}

/**
 * Batch normalisation with the statistics of this batch (Ioffe & Szegedy 2015, algorithm 1), with ReLU fused on request.
 * @param x [N, H, W, C] or [N, C]; statistics are taken over all axes but the last.
 * @param gamma [C]. Default: 1. @param beta [C]. Default: 0.
 * @throws ARCHLOOM_FUSED_SHAPE when gamma or beta do not match the channels.
 */
export function batchNormTraining(
  x: tf.Tensor,
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  epsilon: number,
  relu: boolean,
): BatchNormOutput {
  const inputs = { x, gamma: gamma ?? tf.ones([channelsOf(x)]), beta: beta ?? tf.zeros([channelsOf(x)]) }
  checkChannels('batchNormTraining', x, inputs)
  const [y, mean, variance] = run(fusedKernels.batchNorm, inputs, { epsilon, relu })
  return { y: y as tf.Tensor, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D }
}

/**
 * Batch normalisation with given statistics: one multiply-add per value, with ReLU fused on request. Differentiable in
 * every tensor.
 * @param x [..., C]; mean, variance, gamma, beta [C]; gamma and beta default to 1 and 0.
 * @throws ARCHLOOM_FUSED_SHAPE when a parameter does not match the channels.
 */
export function batchNormInference(
  x: tf.Tensor,
  mean: tf.Tensor,
  variance: tf.Tensor,
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  epsilon: number,
  relu: boolean,
): tf.Tensor {
  const inverse = tf.rsqrt(tf.add(variance, epsilon))
  const scale = gamma ? tf.mul(gamma, inverse) : inverse
  const shift = tf.sub(beta ?? 0, tf.mul(mean, scale))
  return scaleShift(x, scale, shift, relu)
}

/** y = x·scale + shift per channel (the last axis), rectified on request. @throws ARCHLOOM_FUSED_SHAPE */
export function scaleShift(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, relu: boolean): tf.Tensor {
  checkChannels('scaleShift', x, { scale, shift })
  return run(fusedKernels.scaleShift, { x, scale, shift }, { relu })[0] as tf.Tensor
}

/**
 * Mean over the two spatial axes, [N, H, W, C] → [N, C]; its gradient broadcasts, whereas that of tf.mean tiles, which
 * is slow.
 */
export function spatialMean(x: tf.Tensor): tf.Tensor2D {
  if (x.rank !== 4)
    throw error('ARCHLOOM_FUSED_SHAPE', { op: 'spatialMean', input: 'x', shape: x.shape, expected: '[N, H, W, C]' })
  const [, height, width] = x.shape as [number, number, number, number]
  return run(fusedKernels.spatialMean, { x }, { height, width })[0] as tf.Tensor2D
}

/** Σ a·b over all values of two tensors of one shape, in one pass. @throws ARCHLOOM_FUSED_SHAPE */
export function innerProduct(a: tf.Tensor, b: tf.Tensor): tf.Scalar {
  if (!tf.util.arraysEqual(a.shape, b.shape))
    throw error('ARCHLOOM_FUSED_SHAPE', {
      op: 'innerProduct',
      input: 'b',
      shape: b.shape,
      expected: `[${a.shape.join(', ')}]`,
    })
  return run(fusedKernels.innerProduct, { a, b }, {})[0] as tf.Scalar
}

/** dy where y (the input or output of a ReLU, of dy's shape) is positive, 0 elsewhere. */
export const reluGradient = (dy: tf.Tensor, y: tf.Tensor): tf.Tensor =>
  run(fusedKernels.reluGrad, { dy, y }, {})[0] as tf.Tensor

type Tensors = Record<string, tf.Tensor>
type Attributes = Readonly<Record<string, number | boolean>>
type Composition = (inputs: Tensors, attributes: Attributes) => tf.Tensor | tf.Tensor[]

const compositions = new Map<string, Composition>([
  [
    fusedKernels.batchNorm,
    ({ x, gamma, beta }: Tensors, { epsilon, relu }) => {
      const axes = batchAxes(x as tf.Tensor)
      const mean = tf.mean(x as tf.Tensor, axes)
      const centred = tf.sub(x as tf.Tensor, mean)
      const variance = tf.mean(tf.square(centred), axes)
      const scale = tf.mul(gamma as tf.Tensor, tf.rsqrt(tf.add(variance, epsilon as number)))
      const y = tf.add(tf.mul(centred, scale), beta as tf.Tensor)
      return [relu ? tf.relu(y) : y, mean, variance]
    },
  ],
  [
    fusedKernels.batchNormGrad,
    ({ dy, x, gamma, beta, mean, variance }: Tensors, { epsilon, relu }) => {
      const axes = batchAxes(x as tf.Tensor)
      const count = (x as tf.Tensor).size / channelsOf(x as tf.Tensor)
      const inverse = tf.rsqrt(tf.add(variance as tf.Tensor, epsilon as number))
      const centred = tf.sub(x as tf.Tensor, mean as tf.Tensor)
      const normalised = tf.mul(centred, inverse)
      let g = dy as tf.Tensor
      if (relu) g = maskByReLU(g, tf.add(tf.mul(normalised, gamma as tf.Tensor), beta as tf.Tensor))
      const dbeta = tf.sum(g, axes)
      const dgamma = tf.sum(tf.mul(g, normalised), axes)
      const correction = tf.div(tf.add(dbeta, tf.mul(normalised, dgamma)), count)
      return [tf.mul(tf.mul(gamma as tf.Tensor, inverse), tf.sub(g, correction)), dgamma, dbeta]
    },
  ],
  [
    fusedKernels.scaleShift,
    ({ x, scale, shift }: Tensors, { relu }) => {
      const y = tf.add(tf.mul(x as tf.Tensor, scale as tf.Tensor), shift as tf.Tensor)
      return relu ? tf.relu(y) : y
    },
  ],
  [
    fusedKernels.scaleShiftGrad,
    ({ dy, x, scale, shift }: Tensors, { relu }) => {
      const axes = batchAxes(x as tf.Tensor)
      let g = dy as tf.Tensor
      if (relu) g = maskByReLU(g, tf.add(tf.mul(x as tf.Tensor, scale as tf.Tensor), shift as tf.Tensor))
      return [tf.mul(g, scale as tf.Tensor), tf.sum(tf.mul(g, x as tf.Tensor), axes), tf.sum(g, axes)]
    },
  ],
  [fusedKernels.spatialMean, ({ x }: Tensors) => tf.mean(x as tf.Tensor, [1, 2])],
  [fusedKernels.innerProduct, ({ a, b }: Tensors) => tf.sum(tf.mul(a as tf.Tensor, b as tf.Tensor))],
  [fusedKernels.reluGrad, ({ dy, y }: Tensors) => maskByReLU(dy as tf.Tensor, y as tf.Tensor)],
  [
    fusedKernels.spatialMeanGrad,
    ({ dy }: Tensors, { height, width }) => {
      const [n, c] = (dy as tf.Tensor).shape as [number, number]
      const [h, w] = [height as number, width as number]
      return tf.add(tf.zeros([n, h, w, c]), tf.reshape(tf.div(dy as tf.Tensor, h * w), [n, 1, 1, c]))
    },
  ],
])

const channelsOf = (x: tf.Tensor): number => x.shape.at(-1) ?? 1
const batchAxes = (x: tf.Tensor): number[] => x.shape.slice(0, -1).map((_, axis) => axis)
const maskByReLU = (dy: tf.Tensor, y: tf.Tensor): tf.Tensor => tf.mul(dy, tf.step(y))

function checkChannels(op: string, x: tf.Tensor, parameters: Tensors): void {
  const channels = channelsOf(x)
  if (x.rank < 2) throw error('ARCHLOOM_FUSED_SHAPE', { op, input: 'x', shape: x.shape, expected: '[N, ..., C]' })
  for (const [input, parameter] of Object.entries(parameters))
    if (input !== 'x' && (parameter.rank !== 1 || parameter.size !== channels))
      throw error('ARCHLOOM_FUSED_SHAPE', { op, input, shape: parameter.shape, expected: `[${channels}]` })
}

/** Runs a fused kernel on the current engine; kernels read 32-bit floats, so other numbers are converted first. */
function run(name: string, inputs: Tensors, attributes: Attributes): tf.Tensor[] {
  if (Object.values(inputs).every(({ dtype }) => dtype === 'float32')) return runOnFloats(name, inputs, attributes)
  for (const [input, { dtype }] of Object.entries(inputs))
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw error('ARCHLOOM_FUSED_DTYPE', { op: name, input, dtype })
  return tf.tidy(() => {
    const floats = Object.entries(inputs).map(([input, tensor]) => [input, tf.cast(tensor, 'float32')])
    return runOnFloats(name, Object.fromEntries(floats), attributes)
  })
}

/** Runs a fused kernel on 32-bit floats. If the engine has no such kernel, the composition is registered first. */
function runOnFloats(name: string, inputs: Tensors, attributes: Attributes): tf.Tensor[] {
  const backendName = tf.getBackend()
  if (!tf.getKernel(name, backendName)) {
    const compose = compositions.get(name) as Composition
    tf.registerKernel({
      kernelName: name,
      backendName,
      kernelFunc: (call) =>
        tf.tidy(() => compose(call.inputs as unknown as Tensors, call.attrs as unknown as Attributes)),
    })
  }
  const outputs = tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as tf.Tensor | tf.Tensor[]
  return Array.isArray(outputs) ? outputs : [outputs]
}

tf.registerGradient({
  kernelName: fusedKernels.batchNorm,
  inputsToSave: ['x', 'gamma', 'beta'],
  outputsToSave: [false, true, true],
  gradFunc: (dy, saved, attributes) => {
    const [x, gamma, beta, mean, variance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    const inputs = { dy: (dy as tf.Tensor[])[0] as tf.Tensor, x, gamma, beta, mean, variance }
    const [dx, dgamma, dbeta] = run(fusedKernels.batchNormGrad, inputs, attributes as unknown as Attributes)
    return { x: () => dx as tf.Tensor, gamma: () => dgamma as tf.Tensor, beta: () => dbeta as tf.Tensor }
  },
})

tf.registerGradient({
  kernelName: fusedKernels.scaleShift,
  inputsToSave: ['x', 'scale', 'shift'],
  gradFunc: (dy, saved, attributes) => {
    const [x, scale, shift] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
    const inputs = { dy: dy as tf.Tensor, x, scale, shift }
    const [dx, dscale, dshift] = run(fusedKernels.scaleShiftGrad, inputs, attributes as unknown as Attributes)
    return { x: () => dx as tf.Tensor, scale: () => dscale as tf.Tensor, shift: () => dshift as tf.Tensor }
  },
})

tf.registerGradient({
  kernelName: fusedKernels.spatialMean,
  gradFunc: (dy, _saved, attributes) => ({
    x: () => run(fusedKernels.spatialMeanGrad, { dy: dy as tf.Tensor }, attributes as unknown as Attributes)[0]!,
  }),
})

tf.registerGradient({
  kernelName: fusedKernels.innerProduct,
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, saved) => {
    const [a, b] = saved as [tf.Tensor, tf.Tensor]
    return { a: () => tf.mul(b, dy as tf.Tensor), b: () => tf.mul(a, dy as tf.Tensor) }
  },
})

tf.registerGradient({
  kernelName: fusedKernels.reluGrad,
  inputsToSave: ['y'],
  gradFunc: (ddy, [y]) => ({
    dy: () => reluGradient(ddy as tf.Tensor, y as tf.Tensor),
    y: () => tf.zerosLike(y as tf.Tensor),
  }),
})

const perChannel = (x: tf.Tensor): tf.Tensor => tf.sum(x, batchAxes(x))
const passed = (relu: unknown, y: () => tf.Tensor): tf.Tensor => (relu ? tf.step(y()) : tf.scalar(1))

// What nested gradients need: how the three results of a gradient kernel change with its inputs. u, v and w are the
// gradients of those results; g is dy where the rectifier let it pass.
tf.registerGradient({
  kernelName: fusedKernels.scaleShiftGrad,
  inputsToSave: ['dy', 'x', 'scale', 'shift'],
  gradFunc: (given, saved, attributes) => {
    const [u, v, w] = given as [tf.Tensor, tf.Tensor, tf.Tensor]
    const [dy, x, scale, shift] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    const mask = passed((attributes as unknown as Attributes).relu, () => tf.add(tf.mul(x, scale), shift))
    const g = tf.mul(dy, mask)
    return {
      dy: () => tf.mul(mask, tf.add(tf.add(tf.mul(u, scale), tf.mul(x, v)), w)),
      x: () => tf.mul(g, v),
      scale: () => perChannel(tf.mul(g, u)),
      shift: () => tf.zeros(shift.shape),
    }
  },
})

// Mean and variance are functions of x, so their gradients flow into that of x.
tf.registerGradient({
  kernelName: fusedKernels.batchNormGrad,
  inputsToSave: ['dy', 'x', 'gamma', 'beta', 'mean', 'variance'],
  gradFunc: (given, saved, attributes) => {
    const [u, v, w] = given as [tf.Tensor, tf.Tensor, tf.Tensor]
    const [dy, x, gamma, beta, mean, variance] = saved as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    const { epsilon, relu } = attributes as unknown as { epsilon: number; relu: boolean }
    const count = x.size / channelsOf(x)
    const inverse = tf.rsqrt(tf.add(variance, epsilon))
    const normal = tf.mul(tf.sub(x, mean), inverse)
    const mask = passed(relu, () => tf.add(tf.mul(normal, gamma), beta))
    const g = tf.mul(dy, mask)
    const scale = tf.mul(gamma, inverse)
    // z without its mean and without its component along the normalised x.
    const centred = (z: tf.Tensor) =>
      tf.sub(z, tf.div(tf.add(perChannel(z), tf.mul(normal, perChannel(tf.mul(z, normal)))), count))
    return {
      dy: () => tf.mul(mask, tf.add(tf.add(tf.mul(scale, centred(u)), tf.mul(v, normal)), w)),
      x: () => {
        const [ofU, ofG] = [perChannel(tf.mul(u, normal)), perChannel(tf.mul(g, normal))]
        const onNormal = tf.sub(tf.mul(g, v), tf.mul(scale, tf.div(tf.add(tf.mul(u, ofG), tf.mul(g, ofU)), count)))
        const onInverse = tf.mul(gamma, perChannel(tf.mul(u, centred(g))))
        return tf.sub(
          tf.mul(inverse, centred(onNormal)),
          tf.mul(normal, tf.div(tf.mul(onInverse, tf.square(inverse)), count)),
        )
      },
      gamma: () => tf.mul(inverse, perChannel(tf.mul(u, centred(g)))),
      beta: () => tf.zeros(beta.shape),
      mean: () => tf.zeros(mean.shape),
      variance: () => tf.zeros(variance.shape),
    }
  },
})

tf.registerGradient({
  kernelName: fusedKernels.spatialMeanGrad,
  gradFunc: (given) => ({ dy: () => tf.mean(given as tf.Tensor, [1, 2]) }),
})
