import { optionNames } from '../../core/options/index.ts'
import type { Random } from '../../core/random.ts'
import { error } from './errors.ts'

/** Points, each with the number of the ring, moon or mode that it was drawn from. */
export interface LabelledPoints {
  readonly count: number
  /** Number of coordinates of a point. */
  readonly dimension: number
  /** [count, dimension], row-major. */
  readonly points: Float32Array
  readonly labels: Int32Array
}

/** A distribution on or near a known low-dimensional set, for measuring generators. */
export interface Manifold {
  readonly name: string
  /** Number of coordinates of a point. */
  readonly dimension: number
  /** Dimension of the set: 1 for curves, 0 for isolated modes. */
  readonly intrinsicDimension: number
  /** Number of rings, moons or modes. */
  readonly parts: number
  /** Centres of the modes, one array each; mixtures only. */
  readonly centres?: readonly (readonly number[])[]
  draw(count: number, rng: Random): LabelledPoints
}

interface Sketch extends Omit<Manifold, 'draw'> {
  readonly noise: number
  /** Writes one noiseless point of a part. */
  readonly place: (part: number, rng: Random) => readonly number[]
}

function manifold({ noise, place, ...form }: Sketch): Manifold {
  if (!(noise >= 0 && Number.isFinite(noise)))
    throw error('ARCHLOOM_MANIFOLD', {
      where: form.name,
      option: 'noise',
      received: noise,
      expected: 'a number of at least 0',
    })
  const { dimension, parts } = form
  return {
    ...form,
    draw: (count, rng) => {
      const points = new Float32Array(whole(form.name, 'count', count) * dimension)
      const labels = new Int32Array(count)
      for (let i = 0; i < count; i++) {
        const part = rng.int(parts)
        labels[i] = part
        const at = place(part, rng)
        for (let k = 0; k < dimension; k++) points[i * dimension + k] = at[k]! + noise * rng.normal()
      }
      return { count, dimension, points, labels }
    },
  }
}

function whole(where: string, option: string, received: number, least = 1): number {
  if (!Number.isInteger(received) || received < least)
    throw error('ARCHLOOM_MANIFOLD', { where, option, received, expected: `a whole number of at least ${least}` })
  return received
}

const circle = (radius: number, angle: number) => [radius * Math.cos(angle), radius * Math.sin(angle)] as const

const ringsNames = optionNames<{ rings?: number; noise?: number; centre?: readonly [number, number] }>('rings', {
  rings: true,
  noise: true,
  centre: true,
})

/** Equally likely concentric circles around `centre` with radii 1/n … 1. Default: one ring. */
export function rings(options: { rings?: number; noise?: number; centre?: readonly [number, number] } = {}): Manifold {
  ringsNames(options)
  const { noise = 0.03, centre = [0, 0] } = options
  const parts = whole('rings', 'rings', options.rings ?? 1)
  const place = (part: number, rng: Random) => {
    const [x, y] = circle((part + 1) / parts, 2 * Math.PI * rng.float())
    return [x + centre[0], y + centre[1]]
  }
  return manifold({ name: 'rings', dimension: 2, intrinsicDimension: 1, parts, noise, place })
}

const moonsNames = optionNames<{ noise?: number }>('moons', { noise: true })

/** Two interleaved half circles of radius 1. */
export function moons(options: { noise?: number } = {}): Manifold {
  moonsNames(options)
  const place = (part: number, rng: Random) => {
    const [x, y] = circle(1, Math.PI * rng.float())
    return part === 0 ? [x, y] : [1 - x, 0.5 - y]
  }
  return manifold({
    name: 'moons',
    dimension: 2,
    intrinsicDimension: 1,
    parts: 2,
    noise: options.noise ?? 0.05,
    place,
  })
}

const swissRollNames = optionNames<{ noise?: number }>('swissRoll', { noise: true })

/**
 * The spiral t·(cos t, sin t), t in [1.5π, 4.5π], scaled to radii of at most 1: the cross-section of the Swiss roll.
 */
export function swissRoll(options: { noise?: number } = {}): Manifold {
  swissRollNames(options)
  const place = (_part: number, rng: Random) => {
    const t = Math.PI * (1.5 + 3 * rng.float())
    return circle(t / (4.5 * Math.PI), t)
  }
  return manifold({
    name: 'swiss roll',
    dimension: 2,
    intrinsicDimension: 1,
    parts: 1,
    noise: options.noise ?? 0.02,
    place,
  })
}

const mixtureNames = optionNames<{ modes?: number; layout?: 'ring' | 'grid'; noise?: number }>('mixture', {
  modes: true,
  layout: true,
  noise: true,
})

/** Equally likely normal modes, evenly spaced on the unit circle, or on a square grid over [−1, 1]². */
export function mixture(options: { modes?: number; layout?: 'ring' | 'grid'; noise?: number } = {}): Manifold {
  mixtureNames(options)
  const { layout = 'ring', noise = 0.02 } = options
  const parts = whole('mixture', 'modes', options.modes ?? 10)
  const side = Math.ceil(Math.sqrt(parts))
  const step = (i: number) => (side === 1 ? 0 : (2 * i) / (side - 1) - 1)
  const centres = Array.from({ length: parts }, (_, k) =>
    layout === 'ring' ? [...circle(1, (2 * Math.PI * k) / parts)] : [step(k % side), step(Math.floor(k / side))],
  )
  const place = (part: number) => centres[part] as number[]
  return manifold({ name: 'mixture', dimension: 2, intrinsicDimension: 0, parts, centres, noise, place })
}

const embeddedNames = optionNames<{ dimension: number; rng: Random; bend?: number }>('embedded', {
  dimension: true,
  rng: true,
  bend: true,
})

/**
 * Embeds a manifold into a space of more dimensions by a fixed smooth map drawn from `rng`: x ↦ sin(A·x + b), where A
 * is normal with standard deviation `bend`. Points and the centres of modes are mapped; the intrinsic dimension is
 * unchanged.
 */
export function embedded(plane: Manifold, options: { dimension: number; rng: Random; bend?: number }): Manifold {
  embeddedNames(options)
  const { rng, bend = 1 } = options
  const dimension = whole('embedded', 'dimension', options.dimension, plane.dimension)
  const rows = Array.from({ length: dimension }, () => ({
    slope: Array.from({ length: plane.dimension }, () => bend * rng.normal()),
    shift: 2 * Math.PI * rng.float(),
  }))
  const lift = (x: ArrayLike<number>) =>
    rows.map(({ slope, shift }) => Math.sin(slope.reduce((sum, a, k) => sum + a * x[k]!, shift)))
  return {
    name: `${plane.name} in ${dimension} dimensions`,
    dimension,
    intrinsicDimension: plane.intrinsicDimension,
    parts: plane.parts,
    ...(plane.centres && { centres: plane.centres.map(lift) }),
    draw: (count, draws) => {
      const flat = plane.draw(count, draws)
      const points = new Float32Array(count * dimension)
      for (let i = 0; i < count; i++)
        points.set(lift(flat.points.subarray(i * plane.dimension, (i + 1) * plane.dimension)), i * dimension)
      return { count, dimension, points, labels: flat.labels }
    },
  }
}
