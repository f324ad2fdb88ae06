import * as tf from '@tensorflow/tfjs-core'
import type { Split } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { nextTurn } from '../../evaluators/training/batches.ts'
import {
  type BitChoice,
  bitsOf,
  bopsOf,
  checkTarget,
  gatesOf,
  type LayerBits,
  type LayerResiduals,
  type SuperBitNetwork,
  type SuperBitPlan,
} from '../../search-spaces/compression/index.ts'
import { error } from './errors.ts'
import type { BopsTarget } from './options.ts'

export interface ReadOutOptions {
  /** Number of examples per batch. Default: 128. */
  readonly batchSize?: number
  /** The cost that the choice must not exceed, and approaches as closely as possible. */
  readonly target?: BopsTarget
}

export interface ReadOut {
  readonly choice: BitChoice
  readonly bops: number
  /** Share of (batch, layer) pairs whose activation bits differ from those of the averages. */
  readonly flicker: number
  /** Number of gates that were opened (positive) or closed (negative) to meet the target. */
  readonly moved: number
}

const mean = (rows: readonly (readonly number[])[]) =>
  (rows[0] ?? []).map((_, j) => rows.reduce((sum, row) => sum + row[j]!, 0) / rows.length)

const readOutNames = optionNames<ReadOutOptions>('readOut', { batchSize: true, target: true })

/**
 * Computes the gates from averages over a calibration set, with the present thresholds and statistics. With a target,
 * gates of bits are opened or closed one by one until the cost just fits (`gatesWithin`); then filters are pruned,
 * those closest to their threshold first. Errors: ARCHLOOM_ABS_CALIBRATION, ARCHLOOM_SUPER_BIT_TARGET.
 */
export async function readOut(
  net: SuperBitNetwork,
  calibration: Split,
  options: ReadOutOptions = {},
): Promise<ReadOut> {
  readOutNames(options)
  const { plan, thresholds } = net
  const { ladder } = plan
  const limit = options.target === undefined ? undefined : checkTarget(plan, options.target.bops)
  const seen: (readonly LayerResiduals[])[] = []
  const batchBits: number[][] = []
  for (const { inputs, targets } of calibration.batches({ batchSize: options.batchSize ?? 128 })) {
    // Only plain numbers are needed.
    tf.dispose([tf.tidy(() => net.observeGates(inputs)), inputs, targets])
    seen.push(net.residuals)
    batchBits.push(net.selected.bits.map(({ activations }) => activations))
    await nextTurn()
  }
  const [first] = seen
  if (!first) throw error('ARCHLOOM_ABS_CALIBRATION', { examples: calibration.size })
  const averages = first.map((_, at) => ({
    weights: mean(seen.map((layers) => layers[at]?.weights ?? [])),
    activations: mean(seen.map((layers) => layers[at]?.activations ?? [])),
  }))
  const limits = (['weights', 'activations'] as const).map((side) =>
    thresholds[side].map((variable) => (variable ? [...variable.dataSync()] : undefined)),
  )
  const { kept } = net.selected
  const tensors = plan.layers.flatMap((_, layer) =>
    (['weights', 'activations'] as const).flatMap((side, which): GatedTensor[] => {
      const own = limits[which]![layer]
      const residuals = averages[layer]![side]
      return own && residuals.length > 0 ? [{ layer, side, residuals, thresholds: own }] : []
    }),
  )
  const bits = net.choice.bits.map((own) => ({ ...own }))
  for (const { layer, side, residuals, thresholds: own } of tensors)
    bits[layer] = { ...bits[layer]!, [side]: bitsOf(gatesOf(residuals, own).open, ladder) }
  const gated: BitChoice = { bits, kept }
  const flips = batchBits.flatMap((bits) => bits.map((each, l) => (each === gated.bits[l]?.activations ? 0 : 1)))
  const searched = plan.layers.filter(({ role }) => role === 'inner').length * batchBits.length
  const flicker = flips.reduce<number>((sum, flip) => sum + flip, 0) / Math.max(1, searched)
  if (limit === undefined) return { choice: gated, bops: bopsOf(plan, gated), flicker, moved: 0 }
  const fitting = plan.quantised ? gatesWithin(plan, gated, tensors, limit) : { choice: gated, moved: 0 }
  const choice = pruneTo(net, fitting.choice, limit)
  return { choice, bops: bopsOf(plan, choice), flicker, moved: fitting.moved }
}

/** One tensor with gates: its residuals and thresholds, one number each per gate. */
export interface GatedTensor {
  readonly layer: number
  readonly side: keyof LayerBits
  /** A_j, mean residuals over the calibration set. */
  readonly residuals: readonly number[]
  /** α_j. */
  readonly thresholds: readonly number[]
}

/** Ratios closer than this count as equal, because thresholds at their common ceiling differ only by rounding. */
const TIE = 1e-3

/**
 * Changes the gates of a choice until it costs at most `limit` BOPs and is as close to that as possible. Gates are
 * compared by α_j / A_j, which does not depend on the scale of a tensor: the gate with the smallest ratio is opened
 * first, the one with the largest is closed first. Among equal ones, the gate with the larger residual per bit
 * operation is opened first and closed last. A tensor moves by one width at a time.
 */
export function gatesWithin(
  plan: SuperBitPlan,
  choice: BitChoice,
  tensors: readonly GatedTensor[],
  limit: number,
): { readonly choice: BitChoice; readonly moved: number } {
  const { ladder } = plan
  const bits = choice.bits.map((own) => ({ ...own }))
  const cost = () => bopsOf(plan, { bits, kept: choice.kept })
  const levels = tensors.map(({ layer, side }) => ladder.indexOf(bits[layer]![side]))
  const put = (at: number, level: number) => {
    const { layer, side } = tensors[at]!
    levels[at] = level
    bits[layer] = { ...bits[layer]!, [side]: ladder[level]! }
  }
  /** The gate between a level and the next one. */
  const gate = (at: number, level: number) => {
    const { residuals, thresholds } = tensors[at]!
    const residual = residuals[level]!
    const now = levels[at]!
    put(at, level)
    const low = cost()
    put(at, level + 1)
    const more = cost() - low
    put(at, now)
    return {
      at,
      ratio: residual > 0 ? thresholds[level]! / residual : Number.POSITIVE_INFINITY,
      worth: residual / more,
    }
  }
  type Gate = ReturnType<typeof gate>
  /** Negative if `a` opens before `b`. */
  const order = (a: Gate, b: Gate) => {
    const apart = a.ratio === b.ratio ? 0 : a.ratio - b.ratio
    const scale = Math.max(Math.min(a.ratio, b.ratio), TIE)
    return Math.abs(apart) > TIE * scale ? apart : b.worth - a.worth
  }
  let moved = 0
  while (cost() > limit) {
    const open = tensors.flatMap((_, at) => (levels[at]! > 0 ? [gate(at, levels[at]! - 1)] : []))
    if (open.length === 0) break
    const last = open.reduce((a, b) => (order(a, b) < 0 ? b : a))
    put(last.at, levels[last.at]! - 1)
    moved--
  }
  // A gate that does not fit now will not fit later, because other gates only increase the cost.
  const full = new Set<number>()
  for (;;) {
    const shut = tensors.flatMap((_, at) =>
      !full.has(at) && levels[at]! < ladder.length - 1 ? [gate(at, levels[at]!)] : [],
    )
    if (shut.length === 0) return { choice: { ...choice, bits }, moved }
    const first = shut.reduce((a, b) => (order(a, b) > 0 ? b : a))
    put(first.at, levels[first.at]! + 1)
    if (cost() <= limit) moved++
    else {
      put(first.at, levels[first.at]! - 1)
      full.add(first.at)
    }
  }
}

/** Prunes groups of filters until the cost fits, starting with the smallest ratio of score to threshold. */
function pruneTo({ plan, thresholds, scores }: SuperBitNetwork, choice: BitChoice, limit: number): BitChoice {
  const kept = choice.kept.map((groups) => [...groups])
  const rank = (g: number, c: number) => {
    const score = scores[g]?.[c] ?? 0
    return score - (thresholds.filters[g]?.dataSync()[0] ?? 0)
  }
  while (bopsOf(plan, { ...choice, kept }) > limit) {
    const droppable = plan.groups.flatMap(({ count, mostPruned }, g) => {
      const own = kept[g] as number[]
      return own.length > count - mostPruned ? own.map((c) => ({ g, c, rank: rank(g, c) })) : []
    })
    const [worst] = droppable.sort((a, b) => a.rank - b.rank)
    if (!worst) break
    kept[worst.g] = (kept[worst.g] as number[]).filter((c) => c !== worst.c)
  }
  return { ...choice, kept }
}
