import type { Random } from '../../core/index.ts'
import { among, options as declare, number, type OptionsOf, required, value, whole } from '../../core/options/index.ts'
import { type CodeOptions, codeNormalisations, codeOf } from './codes.ts'
import { error } from './errors.ts'
import { combination, type Rows, solvePositive, squaredDistance } from './rows.ts'

export const basesFields = {
  bases: whole({ min: 1, default: 128, doc: 'M: number of bases.' }),
  neighbours: whole({ min: 1, absent: '5, at most `bases`', doc: 'd, of the codes while learning.' }),
  normalise: among(codeNormalisations, { default: 'sum', doc: 'Normalisation of the codes.' }),
  order: among([1, 2], { default: 2, doc: 'q − 1: 1 learns for LCCGAN (squared distances), 2 for LCCGAN++ (cubes).' }),
  locality: number({ min: 0, default: 0.02, doc: 'μ.' }),
  shrinkage: number({ min: 0, default: 0, doc: 'λ, of ‖V‖².' }),
  rounds: whole({ min: 0, default: 10, doc: 'Code and basis steps.' }),
  ridge: number({ min: 0, default: 1e-3, doc: 'ε of the closed form.' }),
}
const declared = declare('learnBases', {
  ...basesFields,
  rng: required(value<Random>('a random generator', { doc: 'The generator that draws.' })),
})
export type BasesOptions = OptionsOf<typeof declared>

export interface LearnedBases {
  readonly bases: Rows
  /** Initial bases of exact learning: centres of k-means. Undefined for bases that were learned by Adam. */
  readonly centres?: Rows
  /** Objective per point: at first, then after every round. */
  readonly objective: readonly number[]
}

interface Objective {
  readonly locality: number
  readonly exponent: 2 | 3
  readonly shrinkage: number
}

/** ½‖H − ΓV‖² + μΣ|γ_im|·‖v_m − h_i‖^q + λ‖V‖². */
export function basisObjective(points: Rows, codes: Rows, bases: Rows, objective: Objective): number {
  let total = 0
  for (const [i, point] of points.entries()) {
    const code = codes[i] as Float64Array
    total += squaredDistance(combination(code, bases), point) / 2
    // Distances matter only where codes are not zero, which is rare.
    for (let m = 0; m < bases.length; m++) {
      const weight = Math.abs(code[m]!)
      if (weight === 0) continue
      const square = squaredDistance(bases[m] as Float64Array, point)
      total += objective.locality * weight * square ** (objective.exponent / 2)
    }
  }
  for (const base of bases) total += objective.shrinkage * base.reduce((sum, value) => sum + value * value, 0)
  return total
}

/**
 * The basis step: V that solves (ΓᵀΓ + diag(Σᵢ a_im) + 2λI)·V = (Γ + A)ᵀH with a_im = qμ|γ_im|·‖v_m − h_i‖^(q−2). For
 * q = 2 this is the minimum; for q = 3 the weights use the present distances, and a line search moves towards it as
 * long as the objective falls. Bases that no point uses do not change.
 */
export function basisStep(points: Rows, codes: Rows, bases: Rows, objective: Objective): Rows {
  const { locality, exponent, shrinkage } = objective
  const [n, dimension] = [bases.length, (bases[0] as Float64Array).length]
  const left = new Float64Array(n * n)
  const right = new Float64Array(n * dimension)
  const used = new Uint8Array(n)
  for (const [i, point] of points.entries()) {
    const code = codes[i] as Float64Array
    const support = [...code.keys()].filter((m) => code[m] !== 0)
    for (const m of support) {
      const weight = code[m] as number
      const distance = exponent === 2 ? 1 : Math.sqrt(squaredDistance(bases[m] as Float64Array, point))
      const pull = exponent * locality * Math.abs(weight) * distance
      used[m] = 1
      for (const j of support) left[m * n + j] = left[m * n + j]! + weight * code[j]!
      left[m * n + m] = left[m * n + m]! + pull
      for (let k = 0; k < dimension; k++)
        right[m * dimension + k] = right[m * dimension + k]! + (weight + pull) * point[k]!
    }
  }
  for (let m = 0; m < n; m++) {
    if (used[m]) left[m * n + m] = left[m * n + m]! + 2 * shrinkage
    else {
      left[m * n + m] = 1
      right.set(bases[m] as Float64Array, m * dimension)
    }
  }
  solvePositive(left, right, n)
  const solved = bases.map((_, m) => right.slice(m * dimension, (m + 1) * dimension))
  if (exponent === 2) return solved
  const before = basisObjective(points, codes, bases, objective)
  for (let share = 1; share > 1e-3; share /= 2) {
    const moved = bases.map((base, m) =>
      base.map((value, k) => value + share * (((solved[m] as Float64Array)[k] as number) - value)),
    )
    if (basisObjective(points, codes, moved, objective) <= before) return moved
  }
  return bases
}

/** k-means (Lloyd, from centres drawn as in k-means++): the initial bases. Needs at least `count` points. */
export function clusterCentres(points: Rows, count: number, rng: Random, rounds = 5): Rows {
  if (points.length < count)
    throw error('ARCHLOOM_LCCGAN_POINTS', {
      where: 'clusterCentres',
      received: `${points.length} points`,
      expected: `at least as many as bases, ${count}`,
    })
  const centres = [(points[rng.int(points.length)] as Float64Array).slice()]
  const nearest = Float64Array.from(points, (point) => squaredDistance(point, centres[0] as Float64Array))
  while (centres.length < count) {
    // There are fewer distinct points than bases; the others are drawn among equal points.
    const any = nearest.some((distance) => distance > 0)
    const chosen = points[any ? rng.weighted(nearest) : rng.int(points.length)] as Float64Array
    centres.push(chosen.slice())
    for (const [i, point] of points.entries())
      nearest[i] = Math.min(nearest[i] as number, squaredDistance(point, chosen))
  }
  for (let round = 0; round < rounds; round++) {
    const sums = centres.map((centre) => new Float64Array(centre.length))
    const counts = new Int32Array(count)
    for (const point of points) {
      let [best, least] = [0, Number.POSITIVE_INFINITY]
      for (const [m, centre] of centres.entries()) {
        const distance = squaredDistance(point, centre)
        if (distance < least) [best, least] = [m, distance]
      }
      counts[best] = counts[best]! + 1
      const sum = sums[best] as Float64Array
      for (let k = 0; k < sum.length; k++) sum[k] = sum[k]! + point[k]!
    }
    for (const [m, sum] of sums.entries()) if (counts[m]) centres[m] = sum.map((value) => value / counts[m]!)
  }
  return centres
}

function resolveBases(given: BasesOptions) {
  const { order, rng: _, ...read } = declared.read(given)
  const { neighbours = Math.min(5, read.bases) } = read
  if (neighbours > read.bases) throw error('ARCHLOOM_LCCGAN_TOO_FEW_BASES', { bases: read.bases, neighbours })
  return { ...read, neighbours, exponent: (order + 1) as 2 | 3 }
}

/**
 * Bases of local coordinate coding by alternation of exact code and basis steps, from the centres of k-means. The
 * objective never rises for codes 'none' and 'convex' on all bases; the closed form of 'sum' minimises another one.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_LCCGAN_TOO_FEW_BASES, ARCHLOOM_LCCGAN_POINTS.
 */
export function learnBases(points: Rows, options: BasesOptions): LearnedBases {
  const settings = resolveBases(options)
  const coding: CodeOptions = settings
  const centres = clusterCentres(points, settings.bases, options.rng)
  let bases = centres
  const code = () => points.map((point) => codeOf(point, bases, coding))
  const history: number[] = []
  let codes = code()
  const note = () => history.push(basisObjective(points, codes, bases, settings) / points.length)
  note()
  for (let round = 0; round < settings.rounds; round++) {
    bases = basisStep(points, codes, bases, settings)
    codes = code()
    note()
  }
  return { bases, centres, objective: history }
}
