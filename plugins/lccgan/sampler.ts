import type { Random } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { type CodeNormalisation, codeNormalisations, nearestBases } from './codes.ts'
import { error, oneOfNames, whole } from './errors.ts'
import type { Rows } from './rows.ts'

/** The source of a generator's inputs. */
export interface LatentSampler {
  readonly name: string
  /** Number of random values in an input: d. */
  readonly coordinates: number
  /** Length of an input. */
  readonly dimension: number
  /** [count, dimension], row-major. */
  draw(count: number, rng: Random): Float32Array
  /** Inputs on a path between two draws, [count, dimension]. */
  walk(count: number, rng: Random): Float32Array
}

const gaussianSamplerNames = optionNames<{ dimension: number }>('gaussianSampler', { dimension: true })

/** Standard normal inputs. The walk follows the great circle between two draws, where inputs have usual lengths. */
export function gaussianSampler(options: { dimension: number }): LatentSampler {
  gaussianSamplerNames(options)
  const dimension = whole('gaussianSampler', 'dimension', options.dimension)
  const draw = (count: number, rng: Random) => Float32Array.from({ length: count * dimension }, () => rng.normal())
  return {
    name: `Gaussian, d = ${dimension}`,
    coordinates: dimension,
    dimension,
    draw,
    walk: (count, rng) => {
      const [from, to] = [draw(1, rng), draw(1, rng)]
      return Float32Array.from({ length: count * dimension }, (_, at) => {
        const angle = (Math.PI / 2) * (count > 1 ? Math.floor(at / dimension) / (count - 1) : 0)
        const k = at % dimension
        return Math.cos(angle) * from[k]! + Math.sin(angle) * to[k]!
      })
    },
  }
}

export interface LccSamplerOptions {
  readonly bases: Rows
  /** d. Error ARCHLOOM_LCCGAN_TOO_FEW_BASES when there are fewer bases; ARCHLOOM_LCCGAN_POINTS for broken ones. */
  readonly neighbours: number
  /**
   * Default 'convex'. 'none' is what the released program samples: off the manifold, and moved by a shift of the
   * origin.
   */
  readonly normalise?: CodeNormalisation
}

/** A drawn code: weights on the bases of one neighbourhood, nearest to the anchor first. */
export interface LocalCode {
  readonly anchor: number
  readonly neighbours: readonly number[]
  readonly weights: Float64Array
}

export interface LccSampler extends LatentSampler {
  readonly bases: Rows
  drawCode(rng: Random): LocalCode
}

/** A normal vector brought to its form: as drawn, z/Σz, or |z|/Σ|z|. */
function normalised(z: Float64Array, normalise: CodeNormalisation): Float64Array {
  if (normalise === 'none') return z
  const weights = normalise === 'convex' ? z.map(Math.abs) : z
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

const lccSamplerNames = optionNames<LccSamplerOptions>('lccSampler', { bases: true, neighbours: true, normalise: true })

/**
 * LCC sampling (Algorithm 1): an anchor uniformly among the bases, random coordinates on the d bases nearest to it (it
 * is the first of them), and the combination of these bases as the input.
 */
export function lccSampler(options: LccSamplerOptions): LccSampler {
  lccSamplerNames(options)
  const { bases } = options
  const neighbours = whole('lccSampler', 'neighbours', options.neighbours)
  const normalise = oneOfNames('lccSampler', 'normalise', options.normalise ?? 'convex', codeNormalisations)
  const dimension = bases[0]?.length ?? 0
  if (neighbours > bases.length) throw error('ARCHLOOM_LCCGAN_TOO_FEW_BASES', { bases: bases.length, neighbours })
  for (const [m, base] of bases.entries())
    if (base.length !== dimension || !base.every(Number.isFinite))
      throw error('ARCHLOOM_LCCGAN_POINTS', {
        where: 'lccSampler',
        received: `base ${m}: [${[...base.slice(0, 3)].join(', ')}${base.length > 3 ? ', …' : ''}]`,
        expected: `${dimension} finite numbers in every base`,
      })
  const near = bases.map((base, m) => {
    // Identical bases are all at distance 0: the anchor still comes first.
    const found = nearestBases(base, bases, neighbours)
    return [m, ...found.filter((other) => other !== m)].slice(0, neighbours)
  })
  const drawCode = (rng: Random): LocalCode => {
    const anchor = rng.int(bases.length)
    const z = Float64Array.from({ length: neighbours }, () => rng.normal())
    return { anchor, neighbours: near[anchor] as number[], weights: normalised(z, normalise) }
  }
  const write = ({ neighbours: own, weights }: LocalCode, out: Float32Array, at: number) => {
    for (let k = 0; k < dimension; k++) {
      let sum = 0
      for (const [j, m] of own.entries()) sum += weights[j]! * ((bases[m] as Float64Array)[k] as number)
      out[at * dimension + k] = sum
    }
  }
  return {
    name: `LCC, d = ${neighbours}, codes ${normalise}`,
    coordinates: neighbours,
    dimension,
    bases,
    drawCode,
    draw: (count, rng) => {
      const out = new Float32Array(count * dimension)
      for (let i = 0; i < count; i++) write(drawCode(rng), out, i)
      return out
    },
    walk: (count, rng) => {
      const [from, to] = [drawCode(rng), drawCode(rng)]
      const ends = new Float32Array(2 * dimension)
      write(from, ends, 0)
      write(to, ends, 1)
      const stations = [
        ends.subarray(0, dimension),
        ...pathBetween(from.anchor, to.anchor, near).map((m) => Float32Array.from(bases[m] as Float64Array)),
        ends.subarray(dimension),
      ]
      return alongStations(stations, count)
    },
  }
}

/** The shortest path from base to base over neighbourhoods; only the two ends if there is no path. */
function pathBetween(from: number, to: number, near: readonly (readonly number[])[]): readonly number[] {
  const came = new Map([[from, from]])
  for (const at of came.keys()) {
    if (at === to) break
    for (const next of near[at] as readonly number[]) if (!came.has(next)) came.set(next, at)
  }
  if (!came.has(to)) return [from, to]
  const path = [to]
  while (path[0] !== from) path.unshift(came.get(path[0]!) as number)
  return path
}

/** Points at even spacing along straight pieces. */
function alongStations(stations: readonly Float32Array[], count: number): Float32Array {
  const dimension = (stations[0] as Float32Array).length
  const out = new Float32Array(count * dimension)
  for (let i = 0; i < count; i++) {
    const position = count > 1 ? (i * (stations.length - 1)) / (count - 1) : 0
    const piece = Math.min(Math.floor(position), stations.length - 2)
    const [a, b] = [stations[piece] as Float32Array, stations[piece + 1] as Float32Array]
    for (let k = 0; k < dimension; k++) out[i * dimension + k] = a[k]! + (position - piece) * (b[k]! - a[k]!)
  }
  return out
}
