/**
 * Records the kernels of one forward pass, for exporters and profilers. The engine runs as usual; only its method
 * `runKernel` is observed while the network is applied.
 */
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../core/random.ts'
import { error } from './errors.ts'

export interface TracedTensor {
  readonly shape: readonly number[]
  readonly dtype: tf.DataType
}

/** A tensor that does not depend on the network's input: weights, and values computed from weights alone. */
export interface TracedConstant extends TracedTensor {
  readonly values: Float32Array | Int32Array | Uint8Array
  /** Path of the variable, or of the first variable that it was computed from. */
  readonly name?: string
}

/** One kernel whose result depends on the input. Tensors are given as indices into `Trace.tensors`. */
export interface TracedKernel {
  readonly name: string
  /** Inputs by their tfjs names; the items of lists (of Concat, AddN, …) are named '0', '1', …. */
  readonly inputs: Readonly<Record<string, number>>
  readonly attributes: Readonly<Record<string, unknown>>
  readonly outputs: readonly number[]
}

export interface Trace {
  readonly input: number
  readonly output: number
  readonly tensors: readonly TracedTensor[]
  /** The kernels that the output needs, in the order in which they ran. */
  readonly kernels: readonly TracedKernel[]
  readonly constants: ReadonlyMap<number, TracedConstant>
}

/** Any function of one batch, such as `Network.apply` in evaluation mode or `upscale` of a super-resolution network. */
export type Forward = (inputs: tf.Tensor) => tf.Tensor

/** Kernels whose results depend only on the shape of their input. */
const shapeOnly = new Set(['ZerosLike', 'OnesLike'])

/**
 * The kernels of `forward` for an input of this shape (batch included). Intermediate tensors are disposed. @param
 * variables Variables whose paths name the constants: their tfjs names without the number of the scope.
 */
export async function traceForward(
  forward: Forward,
  inputShape: readonly number[],
  variables: readonly tf.Variable[] = [],
  seed = 1,
): Promise<Trace> {
  const tensors: TracedTensor[] = []
  const kernels: TracedKernel[] = []
  const kept = new Map<number, { tensor: tf.Tensor; name?: string }>()
  const dependent = new Map<number, number>()
  const constants = new Map<number, number>()
  const names = new Map(variables.map((variable) => [variable.id, pathOf(variable)]))
  const add = ({ shape, dtype }: tf.Tensor) => tensors.push({ shape: [...shape], dtype }) - 1

  const engine = tf.engine()
  const original = engine.runKernel
  let depth = 0
  const constantOf = (tensor: tf.Tensor) => {
    const known = constants.get(tensor.id)
    if (known !== undefined) return known
    const index = add(tensor)
    constants.set(tensor.id, index)
    const name = names.get(tensor.id)
    kept.set(index, { tensor: tf.keep(tf.clone(tensor)), ...(name !== undefined && { name }) })
    return index
  }
  const record = (name: string, inputs: Record<string, tf.Tensor>, attributes: object, outputs: tf.Tensor[]) => {
    const entries = Object.entries(inputs).filter(([, tensor]) => tensor instanceof tf.Tensor)
    if (shapeOnly.has(name) || !entries.some(([, { id }]) => dependent.has(id))) {
      const source = entries.map(([, { id }]) => names.get(id)).find((path) => path !== undefined)
      if (source !== undefined) for (const { id } of outputs) names.set(id, source)
      return
    }
    const references = entries.map(([key, tensor]) => [key, dependent.get(tensor.id) ?? constantOf(tensor)] as const)
    for (const output of outputs) dependent.set(output.id, add(output))
    kernels.push({
      name,
      inputs: Object.fromEntries(references),
      attributes: { ...attributes },
      outputs: outputs.map(({ id }) => dependent.get(id) as number),
    })
  }
  const watched = ((name: string, inputs: Record<string, tf.Tensor>, attributes?: object) => {
    depth++
    try {
      const result = (original as (...given: unknown[]) => tf.Tensor | tf.Tensor[]).call(
        engine,
        name,
        inputs,
        attributes,
      )
      // Kernels that run inside another kernel are not recorded.
      if (depth === 1) record(name, inputs, attributes ?? {}, Array.isArray(result) ? result : [result])
      return result
    } finally {
      depth--
    }
  }) as typeof engine.runKernel

  let output = -1
  try {
    tf.tidy(() => {
      const size = inputShape.reduce((product, n) => product * n, 1)
      const rng = seeded(seed)
      const x = tf.tensor(
        Float32Array.from({ length: size }, () => rng.float()),
        [...inputShape],
      )
      dependent.set(x.id, add(x))
      engine.runKernel = watched
      const y = forward(x)
      engine.runKernel = original
      output = dependent.get(y.id) ?? constantOf(y)
    })
    return await finish(0, output, tensors, kernels, kept)
  } finally {
    engine.runKernel = original
    for (const { tensor } of kept.values()) tensor.dispose()
  }
}

const pathOf = ({ name }: tf.Variable): string => name.replace(/^archloom-\d+\//, '')

/** Removes kernels that the output does not need, and reads the remaining constants. */
async function finish(
  input: number,
  output: number,
  tensors: readonly TracedTensor[],
  all: readonly TracedKernel[],
  kept: ReadonlyMap<number, { tensor: tf.Tensor; name?: string }>,
): Promise<Trace> {
  const needed = new Set([output])
  const kernels: TracedKernel[] = []
  for (const kernel of [...all].reverse())
    if (kernel.outputs.some((reference) => needed.has(reference))) {
      kernels.unshift(kernel)
      for (const reference of Object.values(kernel.inputs)) needed.add(reference)
    }
  const constants = new Map<number, TracedConstant>()
  for (const [reference, { tensor, name }] of kept)
    if (needed.has(reference)) {
      const values = (await tensor.data()).slice() as TracedConstant['values']
      const { shape, dtype } = tensors[reference] as TracedTensor
      constants.set(reference, { shape, dtype, values, ...(name !== undefined && { name }) })
    }
  return { input, output, tensors, kernels, constants }
}

/**
 * Traces of one forward pass for inputs of several shapes with different values. It checks that the kernels and the
 * constants are the same in all of them. Errors: ARCHLOOM_PROFILE_TRACE_DIFFERS; ARCHLOOM_PROFILE_TRACE_BROKEN for a
 * forward pass that reads the values of tensors and computes new tensors from them.
 */
export async function traceForwards(
  forward: Forward,
  inputShapes: readonly (readonly number[])[],
  variables: readonly tf.Variable[] = [],
): Promise<readonly Trace[]> {
  const traces: Trace[] = []
  for (const [i, shape] of inputShapes.entries()) traces.push(await traceForward(forward, shape, variables, i + 1))
  const [first, ...others] = traces as [Trace, ...Trace[]]
  for (const other of others) {
    for (let place = 0; place < Math.max(first.kernels.length, other.kernels.length); place++) {
      const [expected, received] = [first.kernels[place], other.kernels[place]].map(
        (kernel) => kernel && `${kernel.name} ${JSON.stringify(kernel.inputs)}`,
      )
      if (expected !== received)
        throw error('ARCHLOOM_PROFILE_TRACE_DIFFERS', {
          place,
          received: received ?? 'the end',
          expected: expected ?? 'the end',
        })
    }
    checkConstants(first, other)
  }
  return traces
}

/** Checks that tensors treated as constants do not change with the input. */
function checkConstants(first: Trace, other: Trace): void {
  for (const [reference, { shape, values, name }] of first.constants) {
    const again = other.constants.get(reference)
    if (!again || `${again.shape}` !== `${shape}`) continue
    if (values.every((value, i) => Object.is(value, again.values[i]))) continue
    const reader = first.kernels.find(({ inputs }) => Object.values(inputs).includes(reference))
    throw error('ARCHLOOM_PROFILE_TRACE_BROKEN', { shape, name: name ?? '', reader: reader?.name ?? 'the output' })
  }
}
