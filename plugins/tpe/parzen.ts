import {
  type Decision,
  fromUnit,
  type Genotype,
  type Random,
  type SearchSpace,
  shareOf,
  toUnit,
} from '../../core/index.ts'
import { normalCdf } from '../../core/policy/index.ts'

/** Choices of more options are weighed by a density at the middle of their cells. */
const TABLE_LIMIT = 64
/** Steps of the kernel widths of ordered choices per factor of e, so that their tables can be kept. */
const WIDTH_STEPS = 8

/** Mass of a normal distribution within [0, 1]. */
const massInside = (mean: number, width: number) => normalCdf((1 - mean) / width) - normalCdf(-mean / width)

/** A normal draw within [0, 1], by rejection: the mean lies inside, so at least a third of the draws do. */
function truncatedNormal(mean: number, width: number, rng: Random): number {
  for (let attempt = 0; attempt < 64; attempt++) {
    const x = mean + width * rng.normal()
    if (x >= 0 && x <= 1) return x
  }
  return mean
}

const indicesInOrder = (values: Float64Array): Float64Array =>
  new Float64Array(values.length).map((_, i) => i).sort((a, b) => values[a]! - values[b]!)

/**
 * Kernel widths on [0, 1] (Watanabe 2023, section 3.3, with the defaults of Optuna 5): the larger gap to the two sorted
 * neighbours, of the outer two the gap to their only one; at least 1/min(100, n + 2) for n centres, at most 1.
 */
export function kernelWidths(centres: Float64Array): Float64Array {
  const count = centres.length
  const widths = new Float64Array(count)
  if (count === 0) return widths
  const least = 1 / Math.min(100, count + 2)
  // Sorted as plain numbers, each with its index in the last twelve bits; centres closer than 2⁻³² count as equal.
  const packed = centres.map((centre, i) => Math.floor(centre * 2 ** 32) * 4096 + (i % 4096)).sort()
  const order = count <= 4096 ? packed.map((key) => key % 4096) : indicesInOrder(centres)
  for (let r = 0; r < count; r++) {
    const at = centres[order[r]!]!
    // A single centre reaches to the farther end.
    const below = r > 0 ? at - centres[order[r - 1]!]! : count === 1 ? at : 0
    const above = r < count - 1 ? centres[order[r + 1]!]! - at : count === 1 ? 1 - at : 0
    widths[order[r]!] = Math.min(1, Math.max(least, below, above))
  }
  return widths
}

/** A genotype by columns: its values, NaN where a decision is inactive, and their places on the unit scale. */
interface Row {
  readonly values: Float64Array
  readonly units: Float64Array
}

/** Rows of genotypes, kept as long as the genotypes are: most kernels are those of the proposal before. */
export type Rows = (genotype: Genotype) => Row

export function rowsOf(space: SearchSpace): Rows {
  const known = new WeakMap<Genotype, Row>()
  const { decisions } = space
  return (genotype) => {
    let row = known.get(genotype)
    if (!row) {
      const values = Float64Array.from(genotype, (value, d) => (space.isActive(genotype, d) ? value : Number.NaN))
      const units = values.map((value, d) => (Number.isNaN(value) ? value : toUnit(decisions[d]!, value)))
      row = { values, units }
      known.set(genotype, row)
    }
    return row
  }
}

/** How a decision enters the kernels of a mixture. `values` holds a value per kernel, NaN where it is inactive there. */
interface Dimension {
  /** Adds ln of each kernel's density at a value to `sums`, from `offset` on. */
  add(value: number, unit: number, sums: Float64Array, offset: number): void
  /** A draw from kernel `kernel` among the allowed options (null: a real decision). */
  draw(kernel: number, allowed: readonly number[] | null, rng: Random): number
}

function categorical(options: number, values: Float64Array, active: number): Dimension {
  const share = 1 / (active + 1)
  const [same, other] = [(1 + share) / (1 + options * share), share / (1 + options * share)]
  const [logSame, logOther] = [Math.log(same), Math.log(other)]
  // A kernel that does not have the decision stands for the prior.
  const logOf = values.map((value) => (Number.isNaN(value) ? -Math.log(options) : logOther))
  return {
    add(value, _, sums, offset) {
      for (let k = 0; k < values.length; k++) sums[offset + k]! += values[k] === value ? logSame : logOf[k]!
    },
    draw(kernel, allowed, rng) {
      // The share of the kernel's own option comes on top of the even share that every option has.
      const at = values[kernel]!
      const even = other * allowed!.length
      if (!allowed!.includes(at) || rng.float() * (even + same - other) < even) return rng.pick(allowed!)
      return at
    },
  }
}

const tables = new WeakMap<Decision, Map<number, Float64Array>>()

/** ln of the mass of a truncated normal kernel in each option's cell; kept by centre and step of width. */
function cellTable(decision: Decision & { kind: 'choice' }, centre: number, step: number): Float64Array {
  let known = tables.get(decision)
  if (!known) {
    known = new Map()
    tables.set(decision, known)
  }
  const key = centre * 4096 + step + 2048
  let table = known.get(key)
  if (!table) {
    const width = Math.exp(step / WIDTH_STEPS)
    const mean = toUnit(decision, centre)
    const inside = massInside(mean, width)
    let edge = 0
    table = Float64Array.from(decision.options, (_, option) => {
      const begin = edge
      edge = option === decision.options.length - 1 ? 1 : 2 * toUnit(decision, option) - begin
      const mass = normalCdf((edge - mean) / width) - normalCdf((begin - mean) / width)
      return Math.log(Math.max(1e-300, mass / inside))
    })
    known.set(key, table)
  }
  return table
}

function numeric(
  decision: Decision,
  values: Float64Array,
  centres: Float64Array,
  active: number,
  prior: Float64Array,
): Dimension {
  const count = values.length
  let widths: Float64Array
  if (active === count) widths = kernelWidths(centres)
  else {
    const dense = kernelWidths(centres.filter((centre) => !Number.isNaN(centre)))
    let next = 0
    widths = centres.map((centre) => (Number.isNaN(centre) ? centre : dense[next++]!))
  }
  const unlisted = (kernel: number, allowed: readonly number[] | null, rng: Random) => {
    const value = fromUnit(decision, truncatedNormal(centres[kernel]!, widths[kernel]!, rng))
    if (allowed === null || allowed.includes(value)) return value
    return allowed.reduce((best, option) => (Math.abs(option - value) < Math.abs(best - value) ? option : best))
  }

  if (decision.kind === 'choice' && decision.options.length <= TABLE_LIMIT) {
    const rows = Array.from(values, (value, k) =>
      Number.isNaN(value) ? prior : cellTable(decision, value, Math.round(WIDTH_STEPS * Math.log(widths[k]!))),
    )
    return {
      add(value, _, sums, offset) {
        for (let k = 0; k < count; k++) sums[offset + k]! += rows[k]![value]!
      },
      draw: (kernel, allowed, rng) =>
        allowed!.length === decision.options.length
          ? unlisted(kernel, allowed, rng)
          : allowed![rng.weighted(allowed!.map((option) => Math.exp(rows[kernel]![option]!)))]!,
    }
  }

  const scales = new Float64Array(count)
  const factors = new Float64Array(count)
  for (let k = 0; k < count; k++) {
    const width = widths[k]!
    // Without the decision the kernel stands for the prior, whose density is 1.
    const without = Number.isNaN(width)
    if (without) centres[k] = 0
    factors[k] = without ? 0 : Math.SQRT1_2 / width
    scales[k] = without ? 0 : Math.log(width * Math.sqrt(2 * Math.PI) * massInside(centres[k]!, width))
  }
  return {
    add(_, at, sums, offset) {
      for (let k = 0; k < count; k++) {
        const z = (at - centres[k]!) * factors[k]!
        sums[offset + k]! -= z * z + scales[k]!
      }
    },
    draw: unlisted,
  }
}

/** A Parzen mixture over the genotypes of a space: one kernel per trial, and the prior. */
export interface Mixture {
  /** ln of the density at genotypes of the space, each over the decisions that are active in it. */
  logDensities(genotypes: readonly Genotype[]): Float64Array
  /** One draw; inside the space whatever its conditions and constraints. */
  draw(rng: Random): Genotype
}

/**
 * The mixture of the given genotypes' kernels with the given weights, and of the uniform prior with weight 1. A kernel is
 * a product over decisions: of a choice the option with most of the mass and a little for each other; of a number a
 * normal distribution on the decision's own scale, cut off at its ends. Where a decision is inactive in the kernel's own
 * genotype, the kernel says nothing: its factor is the prior.
 */
export function parzenMixture(
  space: SearchSpace,
  genotypes: readonly Genotype[],
  weights: readonly number[],
  rowOf: Rows = rowsOf(space),
): Mixture {
  const { decisions } = space
  const count = genotypes.length
  const total = weights.reduce((sum, weight) => sum + weight, 1)
  const shares = Float64Array.from({ length: count + 1 }, (_, k) => (k < count ? weights[k]! : 1) / total)
  /** ln of the prior's density at each option; empty where numbers are weighed on the unit scale, on which it is 1. */
  const priors = decisions.map((decision) =>
    decision.kind === 'choice' && (!decision.ordered || decision.options.length <= TABLE_LIMIT)
      ? Float64Array.from(decision.options, (_, option) => Math.log(shareOf(decision, option)))
      : new Float64Array(0),
  )
  const rows = genotypes.map(rowOf)
  const columns = decisions.map(() => new Float64Array(count))
  const dimensions = decisions.map((decision, d) => {
    const column = columns[d]!
    const centres = new Float64Array(count)
    let active = 0
    for (let k = 0; k < count; k++) {
      const { values, units } = rows[k]!
      column[k] = values[d]!
      centres[k] = units[d]!
      if (!Number.isNaN(values[d]!)) active++
    }
    return decision.kind === 'choice' && !decision.ordered
      ? categorical(decision.options.length, column, active)
      : numeric(decision, column, centres, active, priors[d]!)
  })

  return {
    logDensities(candidates) {
      const sums = new Float64Array(candidates.length * count)
      const logPriors = new Float64Array(candidates.length)
      const candidateRows = candidates.map(rowOf)
      for (let d = 0; d < decisions.length; d++) {
        const dimension = dimensions[d]!
        for (let c = 0; c < candidates.length; c++) {
          const { values, units } = candidateRows[c]!
          if (Number.isNaN(values[d]!)) continue
          dimension.add(values[d]!, units[d]!, sums, c * count)
          logPriors[c]! += priors[d]![values[d]!] ?? 0
        }
      }
      return logPriors.map((prior, c) => {
        let density = shares[count]! * Math.exp(prior)
        for (let k = 0; k < count; k++) density += shares[k]! * Math.exp(sums[c * count + k]!)
        return Math.log(density)
      })
    },
    draw(rng) {
      const kernel = rng.weighted(shares)
      const genotype: number[] = []
      while (genotype.length < decisions.length) {
        const d = genotype.length
        const allowed = space.allowed(genotype)
        if (allowed?.length === 1) genotype.push(allowed[0]!)
        else if (kernel < count && !Number.isNaN(columns[d]![kernel]!))
          genotype.push(dimensions[d]!.draw(kernel, allowed, rng))
        else genotype.push(space.draw(genotype, rng))
      }
      return genotype
    },
  }
}
