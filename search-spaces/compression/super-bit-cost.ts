import type { Random } from '../../core/random.ts'
import { error } from './super-bit-errors.ts'
import { type BitChoice, FLOAT_BITS, type LayerBits, type SuperBitPlan } from './super-bit-plan.ts'

const every = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Bits of the layers that are not searched. */
export function edgeBitsOf({ quantised, edgeBits }: SuperBitPlan): number {
  return quantised ? edgeBits : FLOAT_BITS
}

/**
 * The same bits in every searched layer, nothing pruned; with 32 bits, the first and the last layer also stay in
 * floating point.
 */
export function uniformChoice(plan: SuperBitPlan, bits: number): BitChoice {
  const edge = bits === FLOAT_BITS ? FLOAT_BITS : plan.edgeBits
  return {
    bits: plan.layers.map(({ role }) => {
      const own = role === 'inner' ? bits : edge
      return { weights: own, activations: own }
    }),
    kept: plan.groups.map(({ count }) => every(count)),
  }
}

/** Multiply-adds of every layer if the given numbers of filters are kept. */
export const multiplyAddsOf = ({ layers }: SuperBitPlan, keptFilters: readonly number[]): number[] =>
  layers.map(({ perPair, inputs, outputs, inputGroup, outputGroup }) => {
    const read = inputGroup === undefined ? inputs : keptFilters[inputGroup]!
    const written = outputGroup === undefined ? outputs : keptFilters[outputGroup]!
    return perPair * read * written
  })

export const keptFilters = ({ groups }: SuperBitPlan, kept: BitChoice['kept']): number[] =>
  groups.map(({ groupSize }, g) => groupSize * (kept[g]?.length ?? 0))

/**
 * Bit operations for one image: multiply-adds times bits of weights times bits of activations, in convolutions and
 * dense layers; other layers do not count. Full precision counts 32 × 32.
 */
export function bopsOf(plan: SuperBitPlan, { bits, kept }: BitChoice): number {
  const multiplyAdds = multiplyAddsOf(plan, keptFilters(plan, kept))
  return bits.reduce((sum, { weights, activations }, l) => sum + weights * activations * multiplyAdds[l]!, 0)
}

/** The cheapest point of the space: the fewest bits everywhere, and as many filters pruned as allowed. */
export function cheapestChoice(plan: SuperBitPlan): BitChoice {
  const { bits } = uniformChoice(plan, plan.quantised ? plan.ladder[0]! : FLOAT_BITS)
  return { bits, kept: plan.groups.map(({ count, mostPruned }) => every(count - mostPruned)) }
}

/** The maximum BOPs of a choice, from a share of full precision. Error: ARCHLOOM_SUPER_BIT_TARGET. */
export function checkTarget(plan: SuperBitPlan, share: number): number {
  const minimum = bopsOf(plan, cheapestChoice(plan))
  const target = share * plan.fullBops
  if (!(share > 0) || target < minimum)
    throw error('ARCHLOOM_SUPER_BIT_TARGET', { received: target, minimum, full: plan.fullBops })
  return target
}

/** Mean bits of weights and activations over the searched layers. */
export function meanBits({ layers }: SuperBitPlan, { bits }: BitChoice): LayerBits {
  const inner = bits.filter((_, l) => layers[l]?.role === 'inner')
  const mean = (of: (bits: LayerBits) => number) => inner.reduce((sum, each) => sum + of(each), 0) / inner.length
  return { weights: mean((each) => each.weights), activations: mean((each) => each.activations) }
}

/**
 * Random bits without pruning, whose BOPs are between `closeness` times the target and the target. Bits are drawn
 * uniformly, then single layers are drawn lower (or higher) until the sum fits. Error: ARCHLOOM_SUPER_BIT_TARGET.
 */
export function randomChoice(plan: SuperBitPlan, share: number, rng: Random, closeness = 0.97): BitChoice {
  const { ladder, layers } = plan
  const { bits: edges, kept } = uniformChoice(plan, ladder[0] as number)
  const target = share * plan.fullBops
  const minimum = bopsOf(plan, { bits: edges, kept })
  if (!(target >= minimum)) throw error('ARCHLOOM_SUPER_BIT_TARGET', { received: target, minimum, full: plan.fullBops })
  const sides = layers.flatMap(({ role }, l) => (role === 'inner' ? [2 * l, 2 * l + 1] : []))
  const level = new Map(sides.map((side) => [side, rng.int(ladder.length)]))
  const choice = (): BitChoice => ({
    bits: edges.map((own, l) => {
      const [weights, activations] = [level.get(2 * l), level.get(2 * l + 1)]
      if (weights === undefined || activations === undefined) return own
      return { weights: ladder[weights] as number, activations: ladder[activations] as number }
    }),
    kept,
  })
  let best: BitChoice | undefined
  let bestCost = 0
  // Steps up and down alternate around the target; the closest choice below it is taken.
  for (let step = 0; step < 50 * sides.length; step++) {
    const found = choice()
    const cost = bopsOf(plan, found)
    if (cost <= target && cost > bestCost) [best, bestCost] = [found, cost]
    if (bestCost >= closeness * target) break
    const change = cost > target ? -1 : 1
    const movable = sides.filter((side) => ladder[(level.get(side) as number) + change] !== undefined)
    if (movable.length === 0) break
    const side = rng.pick(movable)
    level.set(side, (level.get(side) as number) + change)
  }
  return best ?? { bits: edges, kept }
}
