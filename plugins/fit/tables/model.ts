import * as tf from '@tensorflow/tfjs-core'
import type { Network } from '../../../core/trainer.ts'
import { type Forest, forestScores } from '../../../evaluators/trees/index.ts'

/** How a number that a part gives becomes a number of the target: inverse of the transform, after shift and scale. */
export interface Link {
  readonly transform: 'none' | 'root' | 'log'
  readonly mean: number
  readonly scale: number
}

/** One trained model: on some of the features, giving logits of classes, or a quantity before its link. */
export type Part =
  | { readonly kind: 'forest'; readonly forest: Forest; readonly columns: readonly number[] }
  | { readonly kind: 'network'; readonly network: Network; readonly columns: readonly number[] }
  | { readonly kind: 'constant'; readonly values: readonly number[] }

/** Parts of one architecture, whose predictions are averaged. */
export interface Member {
  readonly name: string
  /** Share in the prediction. */
  readonly weight: number
  readonly parts: readonly Part[]
  readonly link: Link
  /** Multiplies a predicted quantity: what turning a target back and forth loses. */
  readonly factor: number
}

/** What predicts from features: [rows, features] → probabilities [rows, classes] or quantities [rows]. */
export interface TablePredictor extends Disposable {
  readonly outputs: number
  readonly classification: boolean
  readonly members: readonly Member[]
  /** Divides the logarithms of the probabilities. */
  readonly temperature: number
  predict(x: Float32Array, rows: number, features: number): Float64Array
}

/** Some of the features. */
export function selected(x: Float32Array, rows: number, features: number, columns: readonly number[]): Float32Array {
  const out = new Float32Array(rows * columns.length)
  for (let i = 0; i < rows; i++)
    for (let c = 0; c < columns.length; c++) out[i * columns.length + c] = x[i * features + columns[c]!]!
  return out
}

const CHUNK = 4096

function networkOutputs(network: Network, x: Float32Array, rows: number, outputs: number): Float64Array {
  const width = x.length / rows
  const out = new Float64Array(rows * outputs)
  for (let start = 0; start < rows; start += CHUNK) {
    const n = Math.min(CHUNK, rows - start)
    const values = tf.tidy(() =>
      network
        .apply(tf.tensor2d(x.subarray(start * width, (start + n) * width), [n, width]), { training: false })
        .dataSync(),
    )
    out.set(values, start * outputs)
  }
  return out
}

/** In place: rows of logits become probabilities. */
export function softmaxRows(values: Float64Array, classes: number): Float64Array {
  for (let start = 0; start < values.length; start += classes) {
    let most = Number.NEGATIVE_INFINITY
    for (let k = 0; k < classes; k++) most = Math.max(most, values[start + k]!)
    let sum = 0
    for (let k = 0; k < classes; k++) {
      values[start + k] = Math.exp(values[start + k]! - most)
      sum += values[start + k]!
    }
    for (let k = 0; k < classes; k++) values[start + k]! /= sum
  }
  return values
}

export function forwardLink(value: number, transform: Link['transform']): number {
  return transform === 'none' ? value : transform === 'root' ? Math.sqrt(value) : Math.log1p(value)
}
export function backwardLink(value: number, { transform, mean, scale }: Link): number {
  const turned = value * scale + mean
  if (transform === 'none') return turned
  const positive = Math.max(0, turned)
  return transform === 'root' ? positive * positive : Math.expm1(positive)
}

/** Probabilities [rows, classes], or quantities [rows], of one part. */
export function predictPart(
  part: Part,
  link: Link,
  x: Float32Array,
  rows: number,
  features: number,
  outputs: number,
  classification: boolean,
): Float64Array {
  if (part.kind === 'constant')
    return Float64Array.from({ length: rows * outputs }, (_, i) => part.values[i % outputs]!)
  const own = selected(x, rows, features, part.columns)
  let scores: Float64Array
  if (part.kind === 'forest') {
    const raw = forestScores(part.forest, own, rows)
    // Two classes have one score: the log-odds of the second.
    scores =
      classification && outputs === 2
        ? Float64Array.from({ length: 2 * rows }, (_, i) => (i % 2 ? raw[i >> 1]! : 0))
        : raw
  } else scores = networkOutputs(part.network, own, rows, outputs)
  return classification ? softmaxRows(scores, outputs) : scores.map((value) => backwardLink(value, link))
}

/** The weighted mean over members of the mean over their parts, with the temperature. */
export function tablePredictor(
  members: readonly Member[],
  outputs: number,
  classification: boolean,
  temperature: number,
): TablePredictor {
  return {
    members,
    outputs,
    classification,
    temperature,
    predict(x, rows, features) {
      const out = new Float64Array(rows * outputs)
      for (const { parts, weight, link, factor } of members)
        for (const part of parts) {
          const own = predictPart(part, link, x, rows, features, outputs, classification)
          const share = (weight * factor) / parts.length
          for (let i = 0; i < out.length; i++) out[i]! += share * own[i]!
        }
      return classification ? warmed(out, outputs, temperature) : out
    },
    [Symbol.dispose]() {
      for (const { parts } of members)
        for (const part of parts) if (part.kind === 'network') part.network[Symbol.dispose]()
    },
  }
}

/** Probabilities with their logarithms divided by a temperature. */
export function warmed(probabilities: Float64Array, classes: number, temperature: number): Float64Array {
  if (temperature === 1) return probabilities
  return softmaxRows(
    probabilities.map((p) => Math.log(Math.max(p, 1e-12)) / temperature),
    classes,
  )
}
