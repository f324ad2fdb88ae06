import type { Random } from '../../core/random.ts'
import { type Binned, binFeatures } from './bins.ts'

/** One regression tree as flat arrays; a node whose feature is −1 is a leaf. Node 0 is the root. */
export interface Tree {
  readonly feature: Int32Array
  /** Values up to this threshold go left. */
  readonly threshold: Float32Array
  readonly left: Int32Array
  readonly right: Int32Array
  /** For leaves: the value that is added to the score. */
  readonly value: Float32Array
}

/** Sums of trees, one sum for each output. */
export interface Forest {
  readonly features: number
  readonly outputs: number
  /** Initial score, one number for each output. */
  readonly base: readonly number[]
  /** Tree t adds to output t mod outputs. */
  readonly trees: readonly Tree[]
}

export interface BoostingOptions {
  /** Maximum number of rounds; each has one tree for each output. */
  readonly rounds: number
  readonly learningRate: number
  /** Maximum number of leaves of a tree. */
  readonly leaves: number
  /** Minimum number of rows in a leaf. */
  readonly leafRows: number
  /** L2 penalty on the value of a leaf. */
  readonly penalty: number
  /** Share of the rows that each round uses. */
  readonly rowShare: number
  /** Share of the features that each tree uses. */
  readonly featureShare: number
  /** Number of rounds without improvement on the validation rows after which training ends. */
  readonly patience: number
  readonly rng: Random
  /** Called between rounds. If it returns true, training ends and the best forest so far is kept. */
  readonly stop?: () => boolean
}

/** The target: a quantity (squared error), or classes (cross-entropy). */
export type BoostingTarget =
  | { readonly kind: 'regression'; readonly values: Float64Array }
  | { readonly kind: 'classification'; readonly values: Float64Array; readonly classes: number }

export interface Rows {
  /** [rows, features] */
  readonly x: Float32Array
  readonly rows: number
}

/**
 * Gradient-boosted trees over histograms (Friedman 2001; trees grow at their best leaf, as in Ke et al. 2017). Each
 * round has one tree for a quantity or two classes, and otherwise one tree per class. Training ends when the loss of
 * the validation rows has not fallen for `patience` rounds; the forest of the best round is returned.
 */
export function boost(
  train: Rows & { readonly target: BoostingTarget },
  validation: (Rows & { readonly target: BoostingTarget }) | undefined,
  features: number,
  settings: BoostingOptions,
): { readonly forest: Forest; readonly rounds: number; readonly loss: number } {
  const { target } = train
  const outputs = target.kind === 'classification' && target.classes > 2 ? target.classes : 1
  const base = baseOf(target, outputs)
  const binned = binFeatures(train.x, train.rows, features)
  const scores = filled(train.rows, base)
  const held = validation && filled(validation.rows, base)
  const gradients = new Float64Array(train.rows * outputs)
  const curvatures = new Float64Array(train.rows * outputs)
  const trees: Tree[] = []
  const grower = treeGrower(binned, settings)
  let best = { rounds: 0, loss: validation ? lossOf(held!, validation.target, outputs) : Number.POSITIVE_INFINITY }
  for (let round = 1; round <= settings.rounds; round++) {
    if (settings.stop?.() && round > 1) break
    derivatives(scores, target, outputs, gradients, curvatures)
    const rows = sampled(train.rows, settings.rowShare, settings.rng)
    for (let k = 0; k < outputs; k++) {
      const tree = grower(rows, gradients, curvatures, k, outputs)
      trees.push(tree)
      addTree(tree, train.x, train.rows, features, scores, k, outputs)
      if (validation) addTree(tree, validation.x, validation.rows, features, held!, k, outputs)
    }
    if (!validation) best = { rounds: round, loss: Number.NaN }
    else {
      const loss = lossOf(held!, validation.target, outputs)
      if (loss < best.loss - LEAST_GAIN * Math.abs(best.loss)) best = { rounds: round, loss }
      else if (round - best.rounds >= settings.patience) break
    }
  }
  return { forest: { features, outputs, base, trees: trees.slice(0, best.rounds * outputs) }, ...best }
}

/** Scores [rows, outputs]: a quantity, the log-odds of the second class, or one logit for each class. */
export function forestScores(forest: Forest, x: Float32Array, rows: number): Float64Array {
  const { features, outputs, base, trees } = forest
  const scores = filled(rows, base)
  for (const [t, tree] of trees.entries()) addTree(tree, x, rows, features, scores, t % outputs, outputs)
  return scores
}

function baseOf(target: BoostingTarget, outputs: number): number[] {
  const { values } = target
  if (target.kind === 'regression') return [values.reduce((sum, value) => sum + value, 0) / values.length]
  const counts = new Array<number>(target.classes).fill(0)
  for (const value of values) counts[value]!++
  // Adds one row to each class, so that a class that a fold lacks does not get the probability 0.
  const shares = counts.map((count) => (count + 1) / (values.length + target.classes))
  return outputs === 1 ? [Math.log(shares[1]! / shares[0]!)] : shares.map(Math.log)
}

function filled(rows: number, base: readonly number[]): Float64Array {
  const scores = new Float64Array(rows * base.length)
  for (let i = 0; i < scores.length; i++) scores[i] = base[i % base.length]!
  return scores
}

function derivatives(scores: Float64Array, target: BoostingTarget, outputs: number, g: Float64Array, h: Float64Array) {
  const { values } = target
  const rows = values.length
  if (target.kind === 'regression') {
    for (let i = 0; i < rows; i++) {
      g[i] = scores[i]! - values[i]!
      h[i] = 1
    }
    return
  }
  if (outputs === 1) {
    for (let i = 0; i < rows; i++) {
      const p = 1 / (1 + Math.exp(-scores[i]!))
      g[i] = p - values[i]!
      h[i] = Math.max(1e-6, p * (1 - p))
    }
    return
  }
  // The curvature of a softmax, which has one free output fewer than classes.
  const factor = outputs / (outputs - 1)
  for (let i = 0; i < rows; i++) {
    const start = i * outputs
    let most = Number.NEGATIVE_INFINITY
    for (let k = 0; k < outputs; k++) most = Math.max(most, scores[start + k]!)
    let sum = 0
    for (let k = 0; k < outputs; k++) sum += Math.exp(scores[start + k]! - most)
    for (let k = 0; k < outputs; k++) {
      const p = Math.exp(scores[start + k]! - most) / sum
      g[start + k] = p - (values[i] === k ? 1 : 0)
      h[start + k] = Math.max(1e-6, factor * p * (1 - p))
    }
  }
}

function lossOf(scores: Float64Array, { kind, values }: BoostingTarget, outputs: number): number {
  let loss = 0
  for (let i = 0; i < values.length; i++) {
    if (kind === 'regression') loss += (scores[i]! - values[i]!) ** 2
    else if (outputs === 1) loss += Math.log1p(Math.exp(-(values[i] === 1 ? scores[i]! : -scores[i]!)))
    else {
      const start = i * outputs
      let most = Number.NEGATIVE_INFINITY
      for (let k = 0; k < outputs; k++) most = Math.max(most, scores[start + k]!)
      let sum = 0
      for (let k = 0; k < outputs; k++) sum += Math.exp(scores[start + k]! - most)
      loss += Math.log(sum) + most - scores[start + values[i]!]!
    }
  }
  return loss / values.length
}

function sampled(rows: number, share: number, rng: Random): Int32Array {
  if (share >= 1) return Int32Array.from({ length: rows }, (_, i) => i)
  const kept: number[] = []
  for (let i = 0; i < rows; i++) if (rng.float() < share) kept.push(i)
  return Int32Array.from(kept.length > 0 ? kept : [0])
}

function addTree(
  tree: Tree,
  x: Float32Array,
  rows: number,
  features: number,
  scores: Float64Array,
  k: number,
  outputs: number,
) {
  const { feature, threshold, left, right, value } = tree
  for (let i = 0; i < rows; i++) {
    let node = 0
    let f = feature[0]!
    while (f >= 0) {
      node = x[i * features + f]! <= threshold[node]! ? left[node]! : right[node]!
      f = feature[node]!
    }
    scores[i * outputs + k]! += value[node]!
  }
}

interface Split {
  readonly gain: number
  readonly feature: number
  readonly bin: number
}

interface Leaf {
  readonly node: number
  readonly start: number
  readonly end: number
  readonly histogram: Float64Array
  readonly split: Split | undefined
}

/** Minimum relative decrease of the loss for a round to count as an improvement. */
const LEAST_GAIN = 3e-4

/** [sum of gradients, sum of curvatures, rows] of each bin. */
const FIELDS = 3
const SLOT = 256 * FIELDS

/** Grows trees on one set of binned features, and reuses the memory of histograms. */
function treeGrower({ rows: allRows, features, bins, thresholds }: Binned, options: BoostingOptions) {
  const { leaves: mostLeaves, leafRows, penalty, learningRate, featureShare, rng } = options
  const used = thresholds.flatMap((cuts, f) => (cuts.length > 0 ? [f] : []))
  const free: Float64Array[] = []
  const histogram = () => free.pop()?.fill(0) ?? new Float64Array(features * SLOT)

  return (sample: Int32Array, g: Float64Array, h: Float64Array, k: number, outputs: number): Tree => {
    const wanted = Math.max(1, Math.round(featureShare * used.length))
    const chosen = wanted < used.length ? rng.shuffle(used).slice(0, wanted) : used
    const order = sample.slice()
    const spare = new Int32Array(order.length)
    const feature: number[] = [-1]
    const threshold: number[] = [0]
    const left: number[] = [0]
    const right: number[] = [0]
    const value: number[] = [0]

    const collect = (start: number, end: number): Float64Array => {
      const sums = histogram()
      for (const f of chosen) {
        const at = f * SLOT
        const column = f * allRows
        for (let i = start; i < end; i++) {
          const row = order[i]!
          const slot = at + bins[column + row]! * FIELDS
          const from = row * outputs + k
          sums[slot]! += g[from]!
          sums[slot + 1]! += h[from]!
          sums[slot + 2]! += 1
        }
      }
      return sums
    }
    const best = (sums: Float64Array, start: number, end: number): Split | undefined => {
      const rows = end - start
      if (rows < 2 * leafRows || chosen.length === 0) return undefined
      let [G, H] = [0, 0]
      const any = chosen[0]! * SLOT
      for (let b = 0; b <= thresholds[chosen[0]!]!.length; b++) {
        G += sums[any + b * FIELDS]!
        H += sums[any + b * FIELDS + 1]!
      }
      const whole = (G * G) / (H + penalty)
      let [gain, bestFeature, bestBin] = [1e-9, -1, 0]
      for (const f of chosen) {
        const cuts = thresholds[f]!.length
        let [gl, hl, nl] = [0, 0, 0]
        let slot = f * SLOT
        for (let b = 0; b < cuts; b++, slot += FIELDS) {
          gl += sums[slot]!
          hl += sums[slot + 1]!
          nl += sums[slot + 2]!
          if (nl < leafRows) continue
          if (rows - nl < leafRows) break
          const gr = G - gl
          const gained = (gl * gl) / (hl + penalty) + (gr * gr) / (H - hl + penalty) - whole
          if (gained > gain) {
            gain = gained
            bestFeature = f
            bestBin = b
          }
        }
      }
      return bestFeature < 0 ? undefined : { gain, feature: bestFeature, bin: bestBin }
    }
    const leafValue = (start: number, end: number): number => {
      let [G, H] = [0, 0]
      for (let i = start; i < end; i++) {
        G += g[order[i]! * outputs + k]!
        H += h[order[i]! * outputs + k]!
      }
      return (-learningRate * G) / (H + penalty)
    }

    const sums = collect(0, order.length)
    const open: Leaf[] = [{ node: 0, start: 0, end: order.length, histogram: sums, split: best(sums, 0, order.length) }]
    const closed: Leaf[] = []
    while (open.length > 0 && open.length + closed.length < mostLeaves) {
      let at = 0
      for (let i = 1; i < open.length; i++) if ((open[i]!.split?.gain ?? 0) > (open[at]!.split?.gain ?? 0)) at = i
      const leaf = open.splice(at, 1)[0]!
      const { split, start, end, node } = leaf
      if (!split) {
        closed.push(leaf)
        if (open.every((each) => !each.split)) break
        continue
      }
      // A stable partition keeps the order of rows, so that runs are exactly reproducible.
      let [middle, rest] = [start, 0]
      const column = split.feature * allRows
      for (let i = start; i < end; i++) {
        const row = order[i]!
        if (bins[column + row]! <= split.bin) order[middle++] = row
        else spare[rest++] = row
      }
      for (let i = 0; i < rest; i++) order[middle + i] = spare[i]!
      feature[node] = split.feature
      threshold[node] = thresholds[split.feature]![split.bin]!
      left[node] = feature.length
      right[node] = feature.length + 1
      for (let i = 0; i < 2; i++) {
        feature.push(-1)
        threshold.push(0)
        left.push(0)
        right.push(0)
        value.push(0)
      }
      const leftIsSmaller = middle - start <= end - middle
      const smaller = leftIsSmaller ? collect(start, middle) : collect(middle, end)
      const larger = leaf.histogram
      for (const f of chosen)
        for (let i = f * SLOT, last = i + (thresholds[f]!.length + 1) * FIELDS; i < last; i++) larger[i]! -= smaller[i]!
      const [leftSums, rightSums] = leftIsSmaller ? [smaller, larger] : [larger, smaller]
      const part = (child: number, from: number, to: number, own: Float64Array) =>
        open.push({ node: child, start: from, end: to, histogram: own, split: best(own, from, to) })
      part(left[node]!, start, middle, leftSums)
      part(right[node]!, middle, end, rightSums)
    }
    for (const leaf of [...open, ...closed]) {
      value[leaf.node] = leafValue(leaf.start, leaf.end)
      free.push(leaf.histogram)
    }
    return {
      feature: Int32Array.from(feature),
      threshold: Float32Array.from(threshold),
      left: Int32Array.from(left),
      right: Int32Array.from(right),
      value: Float32Array.from(value),
    }
  }
}
