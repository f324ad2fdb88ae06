/**
 * What the outputs of a model of a table mean: exclusive classes, labels that each apply or not, or quantities. Targets are
 * class indices [rows] for classes, and numbers [rows, outputs] otherwise (0 or 1 for labels).
 */
export interface Aim {
  readonly kind: 'classes' | 'labels' | 'quantities'
  readonly outputs: number
}

/** Numbers of the target per row. */
export const widthOf = ({ kind, outputs }: Aim): number => (kind === 'classes' ? 1 : outputs)

/** Name of the metric that is minimised. */
export const lossName = ({ kind, outputs }: Aim): 'loss' | 'rmse' | 'normalisedRmse' =>
  kind !== 'quantities' ? 'loss' : outputs === 1 ? 'rmse' : 'normalisedRmse'

/** Mean and standard deviation of one column of values [rows, width]; a deviation of 0 counts as 1. */
export function spread(values: Float64Array, width = 1, column = 0): { mean: number; scale: number } {
  const rows = values.length / width
  let [sum, squares] = [0, 0]
  for (let i = column; i < values.length; i += width) sum += values[i]!
  const mean = sum / rows
  for (let i = column; i < values.length; i += width) squares += (values[i]! - mean) ** 2
  return { mean, scale: Math.sqrt(squares / rows) || 1 }
}

const LEAST = 1e-12
const logarithm = (probability: number) => Math.log(Math.max(LEAST, probability))

/**
 * The loss of predictions against true values: log-loss of classes, mean binary cross-entropy of labels, root of the mean
 * squared error of a quantity. Of several quantities it is the root of the mean squared error in standard deviations of
 * each.
 */
export function lossAgainst(truth: Float64Array, aim: Aim): (predictions: Float64Array) => number {
  const { kind, outputs } = aim
  if (kind === 'classes')
    return (predictions) => {
      let sum = 0
      for (let i = 0; i < truth.length; i++) sum -= logarithm(predictions[i * outputs + truth[i]!]!)
      return sum / truth.length
    }
  if (kind === 'labels')
    return (predictions) => {
      let sum = 0
      for (let i = 0; i < truth.length; i++)
        sum -= truth[i] === 1 ? logarithm(predictions[i]!) : logarithm(1 - predictions[i]!)
      return sum / truth.length
    }
  const scales = Array.from({ length: outputs }, (_, k) => (outputs === 1 ? 1 : spread(truth, outputs, k).scale))
  return (predictions) => {
    let sum = 0
    for (let i = 0; i < truth.length; i++) sum += ((predictions[i]! - truth[i]!) / scales[i % outputs]!) ** 2
    return Math.sqrt(sum / truth.length)
  }
}

/** What a person wants to know of predictions; `names` are those of several labels or quantities. */
export function measured(
  predictions: Float64Array,
  truth: Float64Array,
  aim: Aim,
  names: readonly string[] = [],
): Record<string, number> {
  const { kind, outputs } = aim
  const loss = lossAgainst(truth, aim)(predictions)
  if (kind === 'classes') {
    let right = 0
    for (let i = 0; i < truth.length; i++) {
      let most = 0
      for (let k = 1; k < outputs; k++) if (predictions[i * outputs + k]! > predictions[i * outputs + most]!) most = k
      if (most === truth[i]) right++
    }
    return { accuracy: right / truth.length, loss }
  }
  if (kind === 'labels') return { ...labelScores(predictions, truth, outputs), loss }
  const r2 = (k: number) => {
    let squares = 0
    for (let i = k; i < truth.length; i += outputs) squares += (predictions[i]! - truth[i]!) ** 2
    const error = Math.sqrt(squares / (truth.length / outputs))
    return { error, share: 1 - error ** 2 / spread(truth, outputs, k).scale ** 2 }
  }
  const each = Array.from({ length: outputs }, (_, k) => r2(k))
  const mean = each.reduce((sum, { share }) => sum + share, 0) / outputs
  if (outputs === 1) return { rmse: loss, r2: mean }
  const own = Object.fromEntries(each.map(({ error }, k) => [`rmse of ${names[k] ?? k}`, error]))
  return { normalisedRmse: loss, r2: mean, ...own }
}

/**
 * Scores of predicted labels. `microF1` counts all decisions together, by default those of the threshold 1/2; `macroF1` is
 * the mean of the labels' own F1 (0 where a label is neither present nor predicted), `hammingLoss` the share of decisions
 * that are wrong, and `meanAveragePrecision` the mean over the labels that occur of Σ (Rₙ − Rₙ₋₁)·Pₙ over falling
 * thresholds. @param decides whether number i of the probabilities [rows, labels] says that its label applies
 */
export function labelScores(
  probabilities: Float64Array,
  truth: Float64Array,
  labels: number,
  decides: (i: number) => boolean = (i) => probabilities[i]! >= 0.5,
) {
  let [hits, predicted, present, macro, precisions, occurring] = [0, 0, 0, 0, 0, 0]
  for (let k = 0; k < labels; k++) {
    let [own, said, actual] = [0, 0, 0]
    for (let i = k; i < truth.length; i += labels) {
      const isSaid = decides(i)
      if (isSaid) said++
      if (truth[i] === 1) actual++
      if (isSaid && truth[i] === 1) own++
    }
    hits += own
    predicted += said
    present += actual
    macro += f1(own, said, actual)
    if (actual === 0) continue
    occurring++
    precisions += averagePrecision(probabilities, truth, labels, k, actual)
  }
  const wrong = predicted + present - 2 * hits
  return {
    microF1: f1(hits, predicted, present),
    macroF1: macro / labels,
    hammingLoss: wrong / truth.length,
    meanAveragePrecision: occurring === 0 ? 0 : precisions / occurring,
  }
}

export const f1 = (hits: number, predicted: number, present: number) =>
  predicted + present === 0 ? 0 : (2 * hits) / (predicted + present)

function averagePrecision(p: Float64Array, truth: Float64Array, labels: number, k: number, present: number): number {
  const order: number[] = []
  for (let i = k; i < truth.length; i += labels) order.push(i)
  order.sort((a, b) => p[b]! - p[a]!)
  let [hits, sum, counted] = [0, 0, 0]
  for (const [n, i] of order.entries()) {
    if (truth[i] === 1) hits++
    // Equal scores are one threshold.
    if (n + 1 < order.length && p[order[n + 1]!] === p[i]) continue
    sum += ((hits - counted) / present) * (hits / (n + 1))
    counted = hits
  }
  return sum
}
