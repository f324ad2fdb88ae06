import * as tf from '@tensorflow/tfjs-core'
import type { Split } from '../../core/index.ts'
import {
  type BitChoice,
  bitsOf,
  bopsOf,
  checkTarget,
  gatesOf,
  type LayerResiduals,
  type SuperBitNetwork,
} from '../../search-spaces/compression/index.ts'
import { error } from './errors.ts'

export interface ReadOutOptions {
  /** Batches of this size. Default 128. */
  readonly batchSize?: number
  /** Share of full-precision BOPs that the choice must not exceed, and uses up as far as it can. */
  readonly target?: number
}

export interface ReadOut {
  readonly choice: BitChoice
  readonly bops: number
  /** Share of (batch, layer) pairs whose own activation bits differ from those of the averages. */
  readonly flicker: number
  /**
   * How far all thresholds were moved to meet the target, as a share of the largest mean residual: 0 without a target,
   * up to 1 (everything shut) where the gates alone cost more than it, down to −1 where they cost less.
   */
  readonly shift: number
}

const mean = (rows: readonly (readonly number[])[]) =>
  (rows[0] ?? []).map((_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length)

/**
 * Reads the gates off averages over a calibration set, with thresholds and statistics as they are. With a target, all
 * thresholds of bits move together by one amount until the cost just fits, so that the gates with the smallest margin
 * change first; filters go after that, those closest to their threshold first. Errors: ARCHLOOM_ABS_CALIBRATION, ARCHLOOM_SUPER_BIT_TARGET.
 */
export async function readOut(
  net: SuperBitNetwork,
  calibration: Split,
  options: ReadOutOptions = {},
): Promise<ReadOut> {
  const { plan, thresholds } = net
  const { ladder } = plan
  const limit = options.target === undefined ? undefined : checkTarget(plan, options.target)
  const seen: (readonly LayerResiduals[])[] = []
  const batchBits: number[][] = []
  for (const { inputs, targets } of calibration.batches({ batchSize: options.batchSize ?? 128 })) {
    // Only plain numbers are wanted.
    tf.dispose([tf.tidy(() => net.observeGates(inputs)), inputs, targets])
    seen.push(net.residuals)
    batchBits.push(net.selected.bits.map(({ activations }) => activations))
    await new Promise<void>((resolve) => setImmediate(resolve))
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
  const largest = Math.max(0, ...averages.flatMap(({ weights, activations }) => [...weights, ...activations]))
  const { kept } = net.selected
  const at = (shift: number): BitChoice => ({
    bits: net.choice.bits.map((own, l) => {
      const side = (which: 0 | 1, means: readonly number[], fallback: number) => {
        const own = limits[which]?.[l]
        if (!own || means.length === 0) return fallback
        return bitsOf(
          gatesOf(
            means,
            own.map((value) => value + shift * largest),
          ).open,
          ladder,
        )
      }
      const averaged = averages[l] as LayerResiduals
      return {
        weights: side(0, averaged.weights, own.weights),
        activations: side(1, averaged.activations, own.activations),
      }
    }),
    kept,
  })
  const gated = at(0)
  const flips = batchBits.flatMap((bits) => bits.map((each, l) => (each === gated.bits[l]?.activations ? 0 : 1)))
  const searched = plan.layers.filter(({ role }) => role === 'inner').length * batchBits.length
  const flicker = flips.reduce<number>((sum, flip) => sum + flip, 0) / Math.max(1, searched)
  if (limit === undefined) return { choice: gated, bops: bopsOf(plan, gated), flicker, shift: 0 }
  const shift = plan.quantised ? smallestShift((value) => bopsOf(plan, at(value)) <= limit) : 0
  const choice = pruneTo(net, at(shift), limit)
  return { choice, bops: bopsOf(plan, choice), flicker, shift }
}

/** The smallest shift in [−1, 1] that fits, to 2⁻¹²; 1 shuts every gate. */
function smallestShift(fits: (shift: number) => boolean): number {
  if (fits(-1)) return -1
  let [below, above] = [-1, 1]
  for (let halving = 0; halving < 13; halving++) {
    const middle = (below + above) / 2
    if (fits(middle)) above = middle
    else below = middle
  }
  return above
}

/** Drops groups of filters, the one whose score is smallest beside its threshold first, until the cost fits. */
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
