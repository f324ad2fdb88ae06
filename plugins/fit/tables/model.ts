import * as tf from '@tensorflow/tfjs-core'
import type { Network } from '../../../core/trainer.ts'
import { type Forest, forestScores } from '../../../evaluators/trees/index.ts'
import type { Aim } from './measure.ts'

/** How a number that a part gives becomes a number of the target: inverse of the transform, after shift and scale. */
export interface Link {
  readonly transform: 'none' | 'root' | 'log'
  /** Of each quantity. */
  readonly mean: readonly number[]
  readonly scale: readonly number[]
}

/** One trained model: on some of the features, giving logits of classes or labels, or quantities before their link. */
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

/** What predicts from features: [rows, features] → probabilities or quantities [rows, outputs]. */
export interface TablePredictor extends Disposable {
  readonly aim: Aim
  readonly members: readonly Member[]
  /** Divides the logarithms of the probabilities of classes, and the log-odds of labels. */
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
export function backwardLink(value: number, { transform, mean, scale }: Link, output = 0): number {
  const turned = value * scale[output]! + mean[output]!
  if (transform === 'none') return turned
  const positive = Math.max(0, turned)
  return transform === 'root' ? positive * positive : Math.expm1(positive)
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** Probabilities or quantities of one part, [rows, outputs]. */
export function predictPart(
  part: Part,
  link: Link,
  x: Float32Array,
  rows: number,
  features: number,
  { kind, outputs }: Aim,
): Float64Array {
  if (part.kind === 'constant')
    return Float64Array.from({ length: rows * outputs }, (_, i) => part.values[i % outputs]!)
  const own = selected(x, rows, features, part.columns)
  let scores: Float64Array
  if (part.kind === 'forest') {
    const raw = forestScores(part.forest, own, rows)
    // Two classes have one score: the log-odds of the second.
    scores =
      kind === 'classes' && outputs === 2
        ? Float64Array.from({ length: 2 * rows }, (_, i) => (i % 2 ? raw[i >> 1]! : 0))
        : raw
  } else scores = networkOutputs(part.network, own, rows, outputs)
  if (kind === 'classes') return softmaxRows(scores, outputs)
  return kind === 'labels' ? scores.map(sigmoid) : scores.map((value, i) => backwardLink(value, link, i % outputs))
}

/** The weighted mean over members of the mean over their parts, with the temperature. */
export function tablePredictor(members: readonly Member[], aim: Aim, temperature: number): TablePredictor {
  return {
    members,
    aim,
    temperature,
    predict(x, rows, features) {
      const out = new Float64Array(rows * aim.outputs)
      for (const { parts, weight, link, factor } of members)
        for (const part of parts) {
          const own = predictPart(part, link, x, rows, features, aim)
          const share = (weight * factor) / parts.length
          for (let i = 0; i < out.length; i++) out[i]! += share * own[i]!
        }
      return warmed(out, aim, temperature)
    },
    [Symbol.dispose]() {
      for (const { parts } of members)
        for (const part of parts) if (part.kind === 'network') part.network[Symbol.dispose]()
    },
  }
}

/** Probabilities with their logarithms, or the log-odds of labels, divided by a temperature; quantities as they are. */
export function warmed(values: Float64Array, { kind, outputs }: Aim, temperature: number): Float64Array {
  if (temperature === 1 || kind === 'quantities') return values
  const log = (p: number) => Math.log(Math.max(p, 1e-12))
  if (kind === 'labels') return values.map((p) => sigmoid((log(p) - log(1 - p)) / temperature))
  return softmaxRows(
    values.map((p) => log(p) / temperature),
    outputs,
  )
}
