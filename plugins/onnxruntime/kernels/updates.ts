/** Optimizer updates: one pass over the variable, its gradient and its state. */
import type * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { FlatName } from '../wasm/loops.ts'
import type { Floats } from './blocked.ts'
import { runFlat } from './elementwise.ts'
import { type Call, input, type KernelTable, onlyFloats } from './kernel.ts'

/** Writes to the variables themselves; data that other tensors share is copied first, as assignment would do. */
function update(
  be: OnnxRuntimeBackend,
  name: FlatName,
  variable: tf.TensorInfo,
  gradient: tf.TensorInfo,
  state: readonly tf.TensorInfo[],
  scalars: readonly number[],
): [] {
  const [w, ...slots] = [variable, ...state].map((tensor) => be.writable(tensor)) as [Floats, ...Floats[]]
  const g = be.entry(gradient).numbers as Floats
  runFlat(be, name, w.length, [w, g, ...slots], [...slots, w], scalars)
  return []
}

const momentum = ({
  inputs,
  attrs,
  backend,
}: Call<{ learningRate: number; momentum: number; nesterov: boolean; weightDecay: number }>) => {
  const { learningRate, momentum: kept, nesterov, weightDecay } = attrs
  const [variable, gradient] = [input(inputs, 'variable'), input(inputs, 'gradient')]
  const { velocity } = inputs
  if (!velocity) return update(backend, 'descent', variable, gradient, [], [learningRate, weightDecay])
  const loop = nesterov ? 'nesterov' : 'momentum'
  return update(backend, loop, variable, gradient, [velocity], [learningRate, kept, weightDecay])
}

const adam = ({
  inputs,
  attrs,
  backend,
}: Call<{
  rate: number
  beta1: number
  beta2: number
  epsilon: number
  secondCorrection: number
  weightDecay: number
  shrink: number
}>) => {
  const { rate, beta1, beta2, epsilon, secondCorrection, weightDecay, shrink } = attrs
  return update(
    backend,
    'adam',
    input(inputs, 'variable'),
    input(inputs, 'gradient'),
    [input(inputs, 'first'), input(inputs, 'second')],
    [rate, beta1, beta2, epsilon, secondCorrection, weightDecay, shrink],
  )
}

export const updates: KernelTable = onlyFloats({ MomentumUpdate: momentum, AdamUpdate: adam })
