import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn } from './fill-in.ts'

/** A tensor and the letter of each of its axes. */
interface Labelled {
  readonly letters: string
  readonly tensor: tf.Tensor
}

/** Sums over the axes whose letters are not kept. */
function summed({ letters, tensor }: Labelled, kept: string): Labelled {
  const axes = [...letters].flatMap((letter, axis) => (kept.includes(letter) ? [] : [axis]))
  if (axes.length === 0) return { letters, tensor }
  return { letters: [...letters].filter((letter) => kept.includes(letter)).join(''), tensor: tf.sum(tensor, axes) }
}

function ordered({ letters, tensor }: Labelled, order: string): tf.Tensor {
  const axes = [...order].map((letter) => letters.indexOf(letter))
  return axes.every((axis, i) => axis === i) ? tensor : tf.transpose(tensor, axes)
}

/** Multiplies two inputs: one matrix product for each index that both have and the output keeps. */
function multiply(a: Labelled, b: Labelled, output: string): Labelled {
  const [left, right] = [summed(a, output + b.letters), summed(b, output + a.letters)]
  const both = [...left.letters].filter((letter) => right.letters.includes(letter))
  const batch = both.filter((letter) => output.includes(letter)).join('')
  const contracted = both.filter((letter) => !output.includes(letter)).join('')
  const only = (one: Labelled, other: Labelled) =>
    [...one.letters].filter((letter) => !other.letters.includes(letter)).join('')
  const [rows, columns] = [only(left, right), only(right, left)]
  const sizes = new Map<string, number>()
  for (const { letters, tensor } of [left, right])
    for (const [axis, letter] of [...letters].entries()) sizes.set(letter, tensor.shape[axis] as number)
  const sizeOf = (letters: string) => [...letters].reduce((product, letter) => product * (sizes.get(letter) ?? 1), 1)
  const x = tf.reshape(ordered(left, batch + rows + contracted), [sizeOf(batch), sizeOf(rows), sizeOf(contracted)])
  const y = tf.reshape(ordered(right, batch + contracted + columns), [
    sizeOf(batch),
    sizeOf(contracted),
    sizeOf(columns),
  ])
  const letters = batch + rows + columns
  return {
    letters,
    tensor: tf.reshape(
      tf.matMul(x, y),
      [...letters].map((letter) => sizes.get(letter) ?? 1),
    ),
  }
}

/**
 * Einstein summation. The kernel of tfjs omits an input that has none of the letters summed over: for 'i,kj->ij' it
 * returns the sum over k of the second input, with shape [1, j].
 */
export const einsum: KernelFillIn = {
  kernel: 'Einsum',
  compute: (given, attributes) => {
    const { equation } = attributes as unknown as { equation: string }
    const tensors = Object.values(given)
    // This refuses more than two inputs, repeated letters and "...".
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, tensors.length)
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors)
    const [left = '', output = ''] = equation.replace(/\s/g, '').split('->')
    const operands = left.split(',').map((letters, i) => ({ letters, tensor: tensors[i] as tf.Tensor }))
    const [a, b] = operands as [Labelled, Labelled | undefined]
    const result = b ? multiply(a, b, output) : summed(a, output)
    const ordering = ordered(result, output)
    return ordering === a.tensor ? tf.clone(ordering) : ordering
  },
}
