import * as tf from '@tensorflow/tfjs-core'
import type { Network } from '../../../core/trainer.ts'
import type { ImageSplit } from '../../../evaluators/data/index.ts'
import { f1, labelScores, lossAgainst } from '../tables/measure.ts'

/** The scores of labels of images; all but the loss and the mean average precision are those of the thresholds. */
export interface LabelMetrics {
  readonly microF1: number
  readonly macroF1: number
  /** Share of decisions that are wrong. */
  readonly hammingLoss: number
  readonly meanAveragePrecision: number
  /** Mean binary cross-entropy in nats. */
  readonly loss: number
}

/** What a network says of images, and what is true: numbers [images, labels]. */
export interface LabelPredictions {
  readonly probabilities: Float64Array
  readonly truth: Float64Array
}

/** The probabilities of a network whose outputs are the log-odds of labels, on images with several labels. */
export async function predictLabels(network: Network, split: ImageSplit): Promise<LabelPredictions> {
  const { classes } = split
  const probabilities = new Float64Array(split.size * classes)
  const truth = new Float64Array(split.size * classes)
  let at = 0
  for (const { inputs, targets } of split.batches({ batchSize: 128 })) {
    const outputs = tf.tidy(() => tf.sigmoid(network.apply(inputs, { training: false })))
    const [own, known] = await Promise.all([outputs.data(), targets.data()]).finally(() =>
      tf.dispose([inputs, targets, outputs]),
    )
    probabilities.set(own, at)
    truth.set(known, at)
    at += own.length
  }
  return { probabilities, truth }
}

/** A threshold that is as good as any other where nothing tells which is best. */
const HALF = 0.5

/**
 * The threshold of each label with the largest F1 on some rows; of several such ones the nearest to 1/2, and 1/2 for a label
 * that none of the rows has. A threshold is the mean of two neighbouring probabilities. Default: all rows.
 */
export function thresholdsOf(
  { probabilities, truth }: LabelPredictions,
  labels: number,
  isUsed: (row: number) => boolean = () => true,
): number[] {
  return Array.from({ length: labels }, (_, k) => {
    const rows = Array.from({ length: truth.length / labels }, (_row, i) => i)
      .filter(isUsed)
      .map((i) => ({ p: probabilities[i * labels + k]!, applies: truth[i * labels + k] === 1 }))
      .sort((a, b) => b.p - a.p)
    const present = rows.filter(({ applies }) => applies).length
    if (present === 0) return HALF
    let best = { score: 0, threshold: HALF }
    let hits = 0
    for (const [n, { p, applies }] of rows.entries()) {
      if (applies) hits++
      const next = rows[n + 1]?.p ?? 0
      if (next === p) continue
      const [score, threshold] = [f1(hits, n + 1, present), (p + next) / 2]
      const isNearer = Math.abs(threshold - HALF) < Math.abs(best.threshold - HALF)
      if (score > best.score || (score === best.score && isNearer)) best = { score, threshold }
    }
    return best.threshold
  })
}

/** Scores of predictions at given thresholds. */
export function measuredAt(predictions: LabelPredictions, thresholds: readonly number[]): LabelMetrics {
  const { probabilities, truth } = predictions
  const labels = thresholds.length
  const scores = labelScores(probabilities, truth, labels, (i) => probabilities[i]! >= thresholds[i % labels]!)
  return { ...scores, loss: lossAgainst(truth, { kind: 'labels', outputs: labels })(probabilities) }
}

/**
 * Scores of predictions whose thresholds are chosen on them, too: the thresholds of one half of the rows decide in the other
 * half, so that no row is measured with a threshold that it helped to choose.
 */
export function crossMeasured(predictions: LabelPredictions, labels: number): LabelMetrics {
  const { probabilities, truth } = predictions
  const halves = [0, 1].map((half) => thresholdsOf(predictions, labels, (row) => row % 2 !== half))
  const rowOf = (i: number) => Math.floor(i / labels)
  const decides = (i: number) => probabilities[i]! >= halves[rowOf(i) % 2]![i % labels]!
  const scores = labelScores(probabilities, truth, labels, decides)
  return { ...scores, loss: lossAgainst(truth, { kind: 'labels', outputs: labels })(probabilities) }
}

/** Share of the images of a split that have each label. */
export function frequenciesOf({ images: { multiHot }, indices, classes }: ImageSplit): number[] {
  const counts = new Array<number>(classes).fill(0)
  if (multiHot) for (const i of indices) for (let k = 0; k < classes; k++) counts[k]! += multiHot[i * classes + k]!
  return counts.map((count) => count / Math.max(1, indices.length))
}

/** Predictions that say the same of every image: what is known without looking at one. */
export function constantPredictions(truth: Float64Array, frequencies: readonly number[]): LabelPredictions {
  return { truth, probabilities: truth.map((_, i) => frequencies[i % frequencies.length]!) }
}

/** The same network, whose outputs are probabilities of labels where it does not train. */
export function withSigmoid(network: Network): Network {
  return {
    inputShape: network.inputShape,
    outputShape: network.outputShape,
    trainable: network.trainable,
    state: network.state,
    apply: (inputs, mode) => (mode.training ? network.apply(inputs, mode) : tf.sigmoid(network.apply(inputs, mode))),
    [Symbol.dispose]: () => network[Symbol.dispose](),
  }
}
