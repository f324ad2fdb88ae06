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

/** ln 2⁵⁵: a term of a sum that is smaller by this factor is lost in rounding. */
const LOST = 55 * Math.LN2
/** Memory is reserved for the densities of so many candidates at once. */
const CANDIDATES = 32
/** For choices with more options, the density at the middle of their cells is used instead of a table. */
const TABLE_LIMIT = 64
/**
 * Kernel widths of ordered choices are rounded to this many steps per factor of e, so that their tables can be cached.
 */
const WIDTH_STEPS = 8

/** So many standard deviations from the mean, the mass beyond is lost in the rounding of 1. */
const SATURATED = 8.5

/** Mass of a normal distribution within [0, 1]. */
function massInside(mean: number, width: number): number {
  const reach = SATURATED * width
  return mean > reach && 1 - mean > reach ? 1 : normalCdf((1 - mean) / width) - normalCdf(-mean / width)
}

/** A normal draw within [0, 1], by rejection. The mean lies inside, so at least a third of the draws are accepted. */
function truncatedNormal(mean: number, width: number, rng: Random): number {
  for (let attempt = 0; attempt < 64; attempt++) {
    const x = mean + width * rng.normal()
    if (x >= 0 && x <= 1) return x
  }
  return mean
}

/** Sorting needs no new array as long as there are at most so many centres. */
const PACKED = 4096
const packed = new Float64Array(PACKED)

/** Indices of the values in their order, for any number of values. */
const indicesInOrder = (values: Float64Array): Float64Array =>
  new Float64Array(values.length).map((_, i) => i).sort((a, b) => values[a]! - values[b]!)

/** The same for at most PACKED values in [0, 1], in an array that the next call overwrites. */
function packedOrder(values: Float64Array): Float64Array {
  const count = values.length
  const order = packed.subarray(0, count)
  // Sorts plain numbers that hold the index in their last twelve bits. Values closer than 2⁻³² count as equal.
  for (let i = 0; i < count; i++) order[i] = Math.floor(values[i]! * 2 ** 32) * PACKED + i
  order.sort()
  for (let r = 0; r < count; r++) order[r]! %= PACKED
  return order
}

/**
 * Kernel widths on [0, 1] (Watanabe 2023, section 3.3, with the defaults of Optuna 5): the larger of the gaps to the
 * two sorted neighbours (the outer two have one neighbour), at least 1/min(100, n + 2) for n centres and at most 1.
 */
export function kernelWidths(
  centres: Float64Array,
  widths: Float64Array = new Float64Array(centres.length),
): Float64Array {
  const count = centres.length
  if (count === 0) return widths
  const least = 1 / Math.min(100, count + 2)
  const order = count <= PACKED ? packedOrder(centres) : indicesInOrder(centres)
  for (let r = 0; r < count; r++) {
    const at = centres[order[r]!]!
    // The width of a single centre is the distance to the farther end.
    const below = r > 0 ? at - centres[order[r - 1]!]! : count === 1 ? at : 0
    const above = r < count - 1 ? centres[order[r + 1]!]! - at : count === 1 ? 1 - at : 0
    widths[order[r]!] = Math.min(1, Math.max(least, below, above))
  }
  return widths
}

/**
 * The same where every centre is that of one of the options: `values` holds which, and centres of equal options are equal.
 * Needs no sorting.
 */
function optionWidths(
  values: Float64Array,
  centres: Float64Array,
  options: number,
  widths: Float64Array,
): Float64Array {
  const count = centres.length
  if (count < 2) return kernelWidths(centres, widths)
  const least = 1 / Math.min(100, count + 2)
  widths.fill(least)
  const [first, last] = [new Int32Array(options).fill(-1), new Int32Array(options)]
  for (let k = 0; k < count; k++) {
    const value = values[k]!
    if (first[value]! < 0) first[value] = k
    last[value] = k
  }
  let before = -1
  for (let option = 0; option < options; option++) {
    if (first[option]! < 0) continue
    if (before >= 0) {
      // Only the outer two of several equal centres have a neighbour elsewhere.
      const gap = centres[first[option]!]! - centres[last[before]!]!
      const [low, high] = [last[before]!, first[option]!]
      widths[low] = Math.min(1, Math.max(widths[low]!, gap))
      widths[high] = Math.min(1, Math.max(widths[high]!, gap))
    }
    before = option
  }
  return widths
}

/** A genotype as numbers: its values (NaN for inactive decisions), then their positions on the unit scale. */
export type Row = readonly number[]

export function rowOf(space: SearchSpace, genotype: Genotype): Row {
  const { decisions } = space
  // A plain array, because typed arrays of this size live outside the heap and cost more.
  const row: number[] = []
  for (let d = 0; d < decisions.length; d++) row.push(space.isActive(genotype, d) ? genotype[d]! : Number.NaN)
  for (let d = 0; d < decisions.length; d++)
    row.push(Number.isNaN(row[d]!) ? Number.NaN : toUnit(decisions[d]!, row[d]!))
  return row
}

/**
 * How a decision contributes to the kernels of a mixture. `values` holds one value per kernel, NaN if the decision is
 * inactive in it.
 */
interface Dimension {
  /** Where the decision has few options: ln of each kernel's density at each option. */
  readonly columns?: Columns
  /**
   * Adds ln of each kernel's density at the position of each candidate to `sums`, the kernels of the first candidate first. An
   * inactive decision, NaN, adds nothing.
   */
  add?(units: Float64Array, sums: Float64Array): void
  /** A draw from kernel `kernel` among the allowed options (null: a real decision). */
  draw(kernel: number, allowed: readonly number[] | null, rng: Random): number
}

/** Takes memory for one number per kernel. What it holds is not defined. */
type Take = () => Float64Array

/**
 * Memory that one mixture after another uses, because large arrays cost more to allocate than to fill. A mixture is valid until
 * the next one is made in the same memory.
 */
export class Memory {
  #numbers = new Float64Array(0)
  #taken = 0

  /** Makes room for so many numbers. Whatever was taken before is lost. */
  reserve(count: number): void {
    if (this.#numbers.length < count) this.#numbers = new Float64Array(2 * count)
    this.#taken = 0
  }

  /** So many numbers, which hold anything. */
  take(count: number): Float64Array {
    const from = this.#taken
    this.#taken += count
    // More than was reserved: memory of its own.
    return this.#taken > this.#numbers.length ? new Float64Array(count) : this.#numbers.subarray(from, this.#taken)
  }

  /** Runs a function, and takes back what it took. */
  during<T>(work: () => T): T {
    const before = this.#taken
    const result = work()
    this.#taken = before
    return result
  }
}

/** Fills one number per kernel into an array, from `offset` on: ln of its density at an option. */
type Fill = (option: number, into: Float64Array, offset: number) => void

/** Columns of one number per kernel, one column for each option, which is filled when it is needed. */
class Columns {
  readonly numbers: Float64Array
  readonly #count: number
  readonly #fill: Fill
  readonly #isFilled: Uint8Array

  constructor(options: number, count: number, memory: Memory, fill: Fill) {
    this.numbers = memory.take(options * count)
    this.#count = count
    this.#fill = fill
    this.#isFilled = new Uint8Array(options)
  }

  /** Where the column of an option begins. */
  at(option: number): number {
    const from = option * this.#count
    if (this.#isFilled[option] === 0) {
      this.#isFilled[option] = 1
      this.#fill(option, this.numbers, from)
    }
    return from
  }
}

/**
 * Adds the columns of the options of a candidate to its sums. Four are added at once, so that a sum is read and written once.
 */
function addColumns(
  columns: readonly Columns[],
  options: readonly number[],
  sums: Float64Array,
  offset: number,
  count: number,
) {
  let at = 0
  for (; at + 4 <= columns.length; at += 4) {
    const [one, two, three, four] = [columns[at]!, columns[at + 1]!, columns[at + 2]!, columns[at + 3]!]
    const [a, b, c, d] = [one.numbers, two.numbers, three.numbers, four.numbers]
    const [i, j] = [one.at(options[at]!), two.at(options[at + 1]!)]
    const [m, n] = [three.at(options[at + 2]!), four.at(options[at + 3]!)]
    for (let k = 0; k < count; k++) sums[offset + k] = sums[offset + k]! + a[i + k]! + b[j + k]! + c[m + k]! + d[n + k]!
  }
  for (; at < columns.length; at++) {
    const { numbers } = columns[at]!
    const from = columns[at]!.at(options[at]!)
    for (let k = 0; k < count; k++) sums[offset + k]! += numbers[from + k]!
  }
}

function categorical(options: number, values: Float64Array, active: number, memory: Memory): Dimension {
  const count = values.length
  const share = 1 / (active + 1)
  const [same, other] = [(1 + share) / (1 + options * share), share / (1 + options * share)]
  const [logSame, logOther, logPrior] = [Math.log(same), Math.log(other), -Math.log(options)]
  const fill: Fill = (option, into, offset) => {
    for (let k = 0; k < count; k++) {
      const value = values[k]!
      // A kernel without the decision uses the prior.
      into[offset + k] = value === option ? logSame : Number.isNaN(value) ? logPrior : logOther
    }
  }
  return {
    columns: new Columns(options, count, memory, fill),
    draw(kernel, allowed, rng) {
      // The kernel's own option gets its share in addition to the even share of every option.
      const at = values[kernel]!
      const even = other * allowed!.length
      if (!allowed!.includes(at) || rng.float() * (even + same - other) < even) return rng.pick(allowed!)
      return at
    },
  }
}

const tables = new WeakMap<Decision, Map<number, Float64Array>>()

/** ln of the mass of a truncated normal kernel in each option's cell; cached by centre and step of width. */
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
  take: Take,
  memory: Memory,
): Dimension {
  const count = values.length
  let widths: Float64Array
  if (active === count && decision.kind === 'choice')
    widths = optionWidths(values, centres, decision.options.length, take())
  else if (active === count) widths = kernelWidths(centres, take())
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
    const rows: Float64Array[] = []
    // Kernels of one option mostly have the same width.
    const lastWidths = new Float64Array(decision.options.length)
    const lastRows: Float64Array[] = []
    for (let k = 0; k < count; k++) {
      const [value, width] = [values[k]!, widths[k]!]
      if (Number.isNaN(value)) rows.push(prior)
      else {
        if (lastWidths[value] !== width) {
          lastWidths[value] = width
          lastRows[value] = cellTable(decision, value, Math.round(WIDTH_STEPS * Math.log(width)))
        }
        rows.push(lastRows[value]!)
      }
    }
    const fill: Fill = (option, into, offset) => {
      for (let k = 0; k < count; k++) into[offset + k] = rows[k]![option]!
    }
    return {
      columns: new Columns(decision.options.length, count, memory, fill),
      draw: (kernel, allowed, rng) =>
        allowed!.length === decision.options.length
          ? unlisted(kernel, allowed, rng)
          : allowed![rng.weighted(allowed!.map((option) => Math.exp(rows[kernel]![option]!)))]!,
    }
  }

  const [scales, factors] = [take(), take()]
  for (let k = 0; k < count; k++) {
    const width = widths[k]!
    // A kernel without the decision uses the prior, whose density is 1.
    const without = Number.isNaN(width)
    if (without) centres[k] = 0
    factors[k] = without ? 0 : Math.SQRT1_2 / width
    scales[k] = without ? 0 : Math.log(width * Math.sqrt(2 * Math.PI) * massInside(centres[k]!, width))
  }
  return {
    add(units, sums) {
      for (let c = 0; c < units.length; c++) {
        const at = units[c]!
        if (Number.isNaN(at)) continue
        const offset = c * count
        for (let k = 0; k < count; k++) {
          const z = (at - centres[k]!) * factors[k]!
          sums[offset + k]! -= z * z + scales[k]!
        }
      }
    },
    draw: unlisted,
  }
}

/** A Parzen mixture over the genotypes of a space: one kernel per trial, and the prior. */
export interface Mixture {
  /** ln of the density at genotypes of the space, each over the decisions that are active in it. */
  logDensities(genotypes: readonly Genotype[]): Float64Array
  /** One draw, which is always in the space. */
  draw(rng: Random): Genotype
}

const spacePriors = new WeakMap<SearchSpace, readonly Float64Array[]>()

/** ln of the prior's density at each option; empty for numbers, whose prior density on the unit scale is 1. */
function priorsOf(space: SearchSpace): readonly Float64Array[] {
  let priors = spacePriors.get(space)
  if (!priors) {
    priors = space.decisions.map((decision) =>
      decision.kind === 'choice' && (!decision.ordered || decision.options.length <= TABLE_LIMIT)
        ? Float64Array.from(decision.options, (_, option) => Math.log(shareOf(decision, option)))
        : new Float64Array(0),
    )
    spacePriors.set(space, priors)
  }
  return priors
}

/**
 * The mixture of the given genotypes' kernels with the given weights, and of the uniform prior with weight 1. A kernel
 * is a product over decisions: for a choice most of the mass is on one option and a little on each other one; for a
 * number it is a normal distribution on the decision's own scale, truncated at its ends. If a decision is inactive in
 * the kernel's genotype, its factor is the prior.
 */
export function parzenMixture(space: SearchSpace, genotypes: readonly Genotype[], weights: readonly number[]): Mixture {
  const rowsOf = (each: readonly Genotype[]) => each.map((genotype) => rowOf(space, genotype))
  const { logDensities, draw } = mixtureOfRows(space, rowsOf(genotypes), weights)
  return { logDensities: (candidates) => logDensities(rowsOf(candidates)), draw }
}

/** The same of rows of genotypes, and for rows. */
export function mixtureOfRows(
  space: SearchSpace,
  rows: readonly Row[],
  weights: readonly number[],
  memory: Memory = new Memory(),
) {
  const { decisions } = space
  const count = rows.length
  const total = weights.reduce((sum, weight) => sum + weight, 1)
  const shares: number[] = []
  for (let k = 0; k <= count; k++) shares.push((k < count ? weights[k]! : 1) / total)
  const priors = priorsOf(space)
  const listed = priors.reduce((sum, prior) => sum + prior.length, 0)
  memory.reserve(count * (5 * decisions.length + listed + CANDIDATES))
  const take: Take = () => memory.take(count)
  const columns = decisions.map(take)
  const dimensions = decisions.map((decision, d) => {
    const column = columns[d]!
    const centres = take()
    let active = 0
    for (let k = 0; k < count; k++) {
      const row = rows[k]!
      column[k] = row[d]!
      centres[k] = row[decisions.length + d]!
      if (!Number.isNaN(row[d]!)) active++
    }
    return decision.kind === 'choice' && !decision.ordered
      ? categorical(decision.options.length, column, active, memory)
      : numeric(decision, column, centres, active, priors[d]!, take, memory)
  })

  const leastShare = Math.log(Math.min(...shares))
  const logDensities = (candidates: readonly Row[]) => {
    const sums = memory.take(candidates.length * count).fill(0)
    const densities = new Float64Array(candidates.length)
    const units = new Float64Array(candidates.length)
    for (let c = 0; c < candidates.length; c++) {
      const row = candidates[c]!
      const chosen: Columns[] = []
      const options: number[] = []
      for (let d = 0; d < decisions.length; d++) {
        const option = row[d]!
        if (Number.isNaN(option)) continue
        // A real value as an index would be looked up as a text.
        if (priors[d]!.length > 0) densities[c]! += priors[d]![option]!
        const { columns } = dimensions[d]!
        if (!columns) continue
        chosen.push(columns)
        options.push(option)
      }
      addColumns(chosen, options, sums, c * count, count)
    }
    for (let d = 0; d < decisions.length; d++) {
      const dimension = dimensions[d]!
      if (!dimension.add) continue
      for (let c = 0; c < candidates.length; c++) units[c] = candidates[c]![decisions.length + d]!
      dimension.add(units, sums)
    }
    for (let c = 0; c < candidates.length; c++) {
      let largest = leastShare + densities[c]!
      let density = shares[count]! * Math.exp(densities[c]!)
      const offset = c * count
      for (let k = 0; k < count; k++) {
        const sum = sums[offset + k]!
        // Less than half the last digit of the density so far: adding it would change nothing.
        if (sum < largest - LOST) continue
        density += shares[k]! * Math.exp(sum)
        const own = leastShare + sum
        if (own > largest) largest = own
      }
      densities[c] = Math.log(density)
    }
    return densities
  }
  return {
    logDensities: (candidates: readonly Row[]) => memory.during(() => logDensities(candidates)),
    draw(rng: Random): Genotype {
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
