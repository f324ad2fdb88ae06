/** What all importers make: a network whose stored weights are its variables, of one input and one or more outputs. */

import * as tf from '@tensorflow/tfjs-core'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { ApplyMode } from '../../core/index.ts'
import { list, optionError, text, whole } from '../../core/options/index.ts'
import { network, type ScopedNetwork, type VariableScope } from '../../core/tensor/index.ts'
import { error } from './errors.ts'

export interface ImportOptions {
  /** Shape of one input, without the batch. Needed where the file leaves sizes open; others must be those of the file. */
  readonly input?: readonly number[]
  /** The output that `apply` gives. Default: the first of the file. */
  readonly output?: string
}

/** The options of every importer, for its declaration. */
export const importOptions = {
  input: list(whole({ min: 1 }), {
    absent: 'the shape that the file states',
    doc: 'Shape of one input, without the batch.',
  }),
  output: text({ absent: 'the first output of the file', doc: 'The output that `apply` gives.' }),
}

export interface ImportedNetwork extends ScopedNetwork {
  /** Names of the outputs, in the order of the file. */
  readonly outputs: readonly string[]
  /** Every output by its name. Call inside a tidy. */
  applyAll(x: tf.Tensor, mode: ApplyMode): Readonly<Record<string, tf.Tensor>>
  /** `apply` for images of any size, where the file leaves height and width open. */
  upscale?(x: tf.Tensor, mode: ApplyMode): tf.Tensor
}

export interface ImportedParts {
  /** Path of the file, for messages. */
  readonly source: string
  readonly scope: VariableScope
  /** With the batch; null where a size is open. */
  readonly inputShape: readonly (number | null)[]
  readonly outputs: readonly string[]
  /** One tensor for each of `outputs`. */
  readonly run: (x: tf.Tensor, mode: ApplyMode) => readonly tf.Tensor[]
}

/** Most values of one tensor: 2³⁰ bytes. */
const MOST_VALUES = 2 ** 28

/** Refuses tensors that no model for one image needs, before they are made. */
export function checkedSize(node: string, op: string, shape: readonly number[]): void {
  const size = shape.reduce((product, each) => product * each, 1)
  if (!(size <= MOST_VALUES) || shape.some((each) => !(each >= 0)))
    throw error('ARCHLOOM_IMPORT_NODE', { node, op, reason: `it would make a tensor of shape [${shape.join(', ')}]` })
}

/**
 * x where it is positive, and x times its slope elsewhere. The WebAssembly kernel takes slopes for one number per
 * channel of the last axis, whatever their shape: others are computed in several operations.
 */
export function rectified(x: tf.Tensor, slopes: tf.Tensor): tf.Tensor {
  const channels = x.shape.at(-1)
  if (slopes.size === channels && slopes.shape.at(-1) === channels) return tf.prelu(x, slopes)
  return tf.sub(tf.relu(x), tf.mul(slopes, tf.relu(tf.neg(x))))
}

/** Runs one node; what tfjs throws is told with the node's name. */
export function computed<T>(node: string, op: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (ArchloomError.is(cause)) throw cause
    throw error('ARCHLOOM_IMPORT_NODE', { node, op, reason: messageOf(cause).split('\n')[0] as string }, { cause })
  }
}

/**
 * The network, after one empty image has gone through it. Disposes the scope where that fails.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_IMPORT_INPUT, ARCHLOOM_IMPORT_NODE.
 */
export function importedNetwork(parts: ImportedParts, options: ImportOptions): ImportedNetwork {
  const { scope } = parts
  try {
    return made(parts, options)
  } catch (thrown) {
    scope.dispose()
    throw thrown
  }
}

function made({ source, scope, inputShape, outputs, run }: ImportedParts, options: ImportOptions): ImportedNetwork {
  const { output = outputs[0] } = options
  const at = outputs.indexOf(output as string)
  if (at === -1) throw optionError('onnx', 'output', output, `one of ${outputs.join(', ')}`)
  const open = inputShape.slice(1)
  const shape = shapeOfInput(source, open, options.input)
  checkedSize('input', 'Placeholder', shape)
  const [batch = null] = inputShape
  /** One after the other where the file fixes the batch to one. */
  const all = (x: tf.Tensor, mode: ApplyMode): readonly tf.Tensor[] => {
    const count = x.shape[0] as number
    if (batch === null || count === batch) return run(x, mode)
    if (batch !== 1)
      throw error('ARCHLOOM_IMPORT_INPUT', {
        source,
        reason: `it takes ${batch} inputs at once, and received ${count}`,
        remedy: `Give ${batch}`,
      })
    const each = tf.split(x, count).map((one) => run(one, mode))
    return outputs.map((_, i) => tf.concat(each.map((values) => values[i] as tf.Tensor)))
  }
  const apply = (x: tf.Tensor, mode: ApplyMode) => all(x, mode)[at] as tf.Tensor
  const outputShape = tf.tidy(() => {
    const first = run(tf.zeros([batch ?? 1, ...shape]), { training: false })[at] as tf.Tensor
    return first.shape.slice(1)
  })
  const plain = network({ scope, inputShape: shape, outputShape, apply })
  const more = {
    outputs,
    applyAll: (x: tf.Tensor, mode: ApplyMode) =>
      Object.fromEntries(all(x, mode).map((value, i) => [outputs[i] as string, value])),
    ...(open.length === 3 && open[0] === null && open[1] === null && { upscale: apply }),
  }
  return Object.defineProperties(more, Object.getOwnPropertyDescriptors(plain)) as ImportedNetwork
}

function shapeOfInput(source: string, stated: readonly (number | null)[], given: ImportOptions['input']): number[] {
  const text = `[${stated.map((size) => size ?? 'open').join(', ')}]`
  if (given === undefined) {
    if (!stated.includes(null)) return stated as number[]
    throw error('ARCHLOOM_IMPORT_INPUT', {
      source,
      reason: `its input has the shape ${text}`,
      remedy: 'State it as the option input, as in { input: [224, 224, 3] }',
    })
  }
  const fits = given.length === stated.length && given.every((size, i) => stated[i] === null || stated[i] === size)
  if (!fits) throw optionError('onnx', 'input', given, `sizes that fit ${text}`)
  return [...given]
}
