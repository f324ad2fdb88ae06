import * as tf from '@tensorflow/tfjs-core'
import { fromGradient, fromInput, type GradientRule, type GradientTable, masked } from './rule.ts'

type Pads = [number, number][]

/** A gradient for each of any number of inputs, which are numbered as in tfjs. */
const ofEach = (
  parts: (dy: tf.Tensor, inputs: tf.Tensor[], attributes: { axis: number }) => tf.Tensor[],
): GradientRule => ({
  saveAllInputs: true,
  gradFunc: (dy, saved, attributes) => {
    const all = parts(dy as tf.Tensor, saved, attributes as unknown as { axis: number })
    return Object.fromEntries(all.map((part, i) => [i, () => part]))
  },
})

/** One input that became several outputs. */
const fromParts = (rule: (dys: tf.Tensor[], attributes: { axis: number }) => tf.Tensor, name = 'x'): GradientRule => ({
  gradFunc: (dys, _saved, attributes) => ({
    [name]: () => rule(dys as tf.Tensor[], attributes as unknown as { axis: number }),
  }),
})

const cropped = fromInput((dy, x, { paddings }: { paddings: Pads }) =>
  tf.slice(
    dy,
    paddings.map(([before]) => before),
    x.shape,
  ),
)

/** Sums the rows of dy along an axis into the input's rows they were copied from. */
function gatherBack(dy: tf.Tensor, sources: tf.Tensor1D, axis: number, size: number): tf.Tensor {
  const front = [axis, ...[...dy.shape.keys()].filter((each) => each !== axis)]
  const back = front.map((_, each) => front.indexOf(each))
  return tf.transpose(tf.unsortedSegmentSum(tf.transpose(dy, front), sources, size), back)
}

/** Mirroring copies border values, so the gradients of the copies are added to them. */
const mirrored = fromInput((dy, x, { paddings, mode }: { paddings: Pads; mode: 'reflect' | 'symmetric' }) => {
  const edge = mode === 'reflect' ? 0 : 1
  return paddings.reduce((gradient, [before, after], axis) => {
    const size = x.shape[axis] as number
    if (before + after === 0) return gradient
    const sources = Array.from({ length: before + size + after }, (_, i) => {
      const at = i - before
      if (at < 0) return -at - edge
      return at < size ? at : 2 * (size - 1) - at + edge
    })
    return gatherBack(gradient, tf.tensor1d(sources, 'int32'), axis, size)
  }, dy)
})

/** Moves blocks of size × size pixels into channels: the inverse of tf.depthToSpace, and so its gradient. */
export function spaceToDepth(x: tf.Tensor4D, size: number, dataFormat: 'NHWC' | 'NCHW' = 'NHWC'): tf.Tensor4D {
  if (dataFormat === 'NCHW') return tf.transpose(spaceToDepth(tf.transpose(x, [0, 2, 3, 1]), size), [0, 3, 1, 2])
  const [n, h, w, c] = x.shape
  const blocks = tf.reshape(x, [n * (h / size), size, w / size, size * c])
  return tf.reshape(tf.transpose(blocks, [0, 2, 1, 3]), [n, h / size, w / size, size * size * c])
}

/**
 * The gradient of an operation that picks values of x: each gradient is added at the position that the value was read
 * from.
 */
function placeBack(dy: tf.Tensor, x: tf.Tensor, pick: (places: tf.Tensor) => tf.Tensor): tf.Tensor {
  const places = pick(tf.reshape(tf.range(0, x.size, 1, 'int32'), x.shape))
  const flat = tf.reshape(places, [dy.size]) as tf.Tensor1D
  return tf.reshape(tf.unsortedSegmentSum(tf.reshape(dy, [dy.size]), flat, x.size), x.shape)
}

interface StridedSliceAttributes {
  readonly begin: number[]
  readonly end: number[]
  readonly strides: number[]
  readonly beginMask: number
  readonly endMask: number
  readonly ellipsisMask: number
  readonly newAxisMask: number
  readonly shrinkAxisMask: number
}

export const shapes: GradientTable = {
  AddN: ofEach((dy, inputs) => inputs.map(() => tf.clone(dy))),
  BatchToSpaceND: fromGradient((dy, { blockShape, crops }: { blockShape: number[]; crops: number[][] }) =>
    tf.spaceToBatchND(dy, blockShape, crops),
  ),
  Concat: ofEach((dy, inputs, { axis }) => {
    const [along = 0] = tf.util.parseAxisParam(axis, dy.shape)
    return tf.split(
      dy,
      inputs.map((input) => input.shape[along] as number),
      along,
    )
  }),
  DepthToSpace: fromGradient((dy, attributes: { blockSize: number; dataFormat: 'NHWC' | 'NCHW' }) =>
    spaceToDepth(dy as tf.Tensor4D, attributes.blockSize, attributes.dataFormat),
  ),
  ExpandDims: fromInput((dy, x) => tf.reshape(dy, x.shape), 'input'),
  GatherV2: {
    inputsToSave: ['x', 'indices'],
    gradFunc: (dy, [x, indices], attributes) => {
      const { axis, batchDims } = attributes as unknown as { axis: number; batchDims: number }
      return {
        x: () => gathered(dy as tf.Tensor, x as tf.Tensor, indices as tf.Tensor, axis, batchDims ?? 0),
        indices: () => tf.zeros((indices as tf.Tensor).shape),
      }
    },
  },
  GatherNd: {
    inputsToSave: ['params', 'indices'],
    gradFunc: (dy, [params, indices]) => ({
      params: () => tf.scatterND(indices as tf.Tensor, dy as tf.Tensor, (params as tf.Tensor).shape),
      indices: () => tf.zeros((indices as tf.Tensor).shape),
    }),
  },
  MirrorPad: mirrored,
  Pack: ofEach((dy, _inputs, { axis }) => tf.unstack(dy, axis)),
  PadV2: cropped,
  Reshape: fromInput((dy, x) => tf.reshape(dy, x.shape)),
  Reverse: fromGradient((dy, { dims }: { dims: number | number[] }) =>
    tf.reverse(dy, tf.util.parseAxisParam(dims, dy.shape)),
  ),
  Select: {
    inputsToSave: ['condition'],
    gradFunc: (dy, [condition]) => ({
      condition: () => tf.zeros((condition as tf.Tensor).shape),
      t: () => masked(dy as tf.Tensor, condition as tf.Tensor),
      e: () => masked(dy as tf.Tensor, tf.logicalNot(tf.cast(condition as tf.Tensor, 'bool'))),
    }),
  },
  Slice: fromInput((dy, x, attributes: { begin: number[]; size: number[] }) => {
    const [begin, size] = tf.slice_util.parseSliceParams(x, attributes.begin, attributes.size) as [number[], number[]]
    return tf.pad(
      dy,
      begin.map((start, axis): [number, number] => [start, x.shape[axis]! - start - size[axis]!]),
    )
  }),
  SpaceToBatchND: fromGradient((dy, { blockShape, paddings }: { blockShape: number[]; paddings: number[][] }) =>
    tf.batchToSpaceND(dy, blockShape, paddings),
  ),
  StridedSlice: fromInput((dy, x, a: StridedSliceAttributes) =>
    placeBack(dy, x, (places) =>
      tf.stridedSlice(
        places,
        a.begin,
        a.end,
        a.strides,
        a.beginMask,
        a.endMask,
        a.ellipsisMask,
        a.newAxisMask,
        a.shrinkAxisMask,
      ),
    ),
  ),
  SplitV: fromParts((dys, { axis }) => tf.concat(dys, axis)),
  // [r₁·s₁, r₂·s₂, …] → [r₁, s₁, r₂, s₂, …], summed over the repetitions, one axis at a time to keep the rank low.
  Tile: fromInput((dy, x, { reps }: { reps: number[] }) =>
    reps.reduce((gradient, repetitions, axis) => {
      if (repetitions === 1) return gradient
      const split = [...gradient.shape.slice(0, axis), repetitions, x.shape[axis] as number]
      return tf.sum(tf.reshape(gradient, [...split, ...gradient.shape.slice(axis + 1)]), axis)
    }, dy),
  ),
  // [..., k] values and their places, along the last axis of x.
  TopK: {
    inputsToSave: ['x'],
    outputsToSave: [false, true],
    gradFunc: (dys, [x, indices]) => ({
      x: () => {
        const size = (x as tf.Tensor).shape.at(-1) as number
        const places = tf.cast(tf.oneHot(tf.cast(indices as tf.Tensor, 'int32'), size), 'float32')
        return tf.sum(tf.mul(places, tf.expandDims((dys as tf.Tensor[])[0] as tf.Tensor, -1)), -2)
      },
    }),
  },
  Transpose: fromGradient((dy, { perm }: { perm: number[] }) =>
    tf.transpose(
      dy,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ),
  Unpack: fromParts((dys, { axis }) => tf.stack(dys, axis), 'value'),
  UnsortedSegmentSum: {
    inputsToSave: ['segmentIds'],
    gradFunc: (dy, [segmentIds]) => ({
      x: () => {
        const ids = segmentIds as tf.Tensor1D
        const rows = tf.gather(dy as tf.Tensor, tf.maximum(ids, tf.scalar(0, 'int32')) as tf.Tensor1D)
        // Negative ids were dropped.
        const kept = tf.cast(tf.greaterEqual(ids, 0), 'float32')
        return tf.mul(rows, tf.reshape(kept, [ids.size, ...rows.shape.slice(1).fill(1)]))
      },
    }),
  },
}

function gathered(dy: tf.Tensor, x: tf.Tensor, indices: tf.Tensor, axis: number, batchDims: number): tf.Tensor {
  if (batchDims > 0) {
    const [dys, xs, ids] = [tf.unstack(dy), tf.unstack(x), tf.unstack(indices)]
    return tf.stack(
      dys.map((each, i) => gathered(each, xs[i] as tf.Tensor, ids[i] as tf.Tensor, axis - 1, batchDims - 1)),
    )
  }
  const [along = 0] = tf.util.parseAxisParam(axis, x.shape)
  const rows = tf.reshape(dy, [...x.shape.slice(0, along), indices.size, ...x.shape.slice(along + 1)])
  return gatherBack(rows, tf.reshape(indices, [indices.size]), along, x.shape[along] as number)
}
