import type { Random } from '../../core/random.ts'

/**
 * A family of patterns: brightness at pixel offsets (u along the pattern's axis, v across it), in radians of its wave.
 * Every wave has a random phase, so a single pixel carries no information about the family or its direction.
 */
interface Family {
  readonly name: string
  /** Wavelength in pixels. */
  readonly wavelength: number
  /** Rotation in radians after which the pattern repeats. */
  readonly period: number
  /** −1 to 1. */
  readonly brightness: (u: number, v: number) => number
}

const { PI, sin } = Math

const families: readonly Family[] = [
  { name: 'fine stripes', wavelength: 3.4, period: PI, brightness: (u) => sin(u) },
  { name: 'wide stripes', wavelength: 6.5, period: PI, brightness: (u) => (sin(u) > 0 ? 0.8 : -0.8) },
  { name: 'chequers', wavelength: 5, period: PI / 2, brightness: (u, v) => sin(u) * sin(v) * 1.6 },
  { name: 'dashes', wavelength: 3.4, period: PI, brightness: (u, v) => (sin(v / 2) > 0 ? sin(u) * 1.2 : 0) },
]

const PER_FAMILY = 4
export const MOST_CLASSES = families.length * PER_FAMILY

/** A class of generated images: a family of patterns at one of several directions. */
export interface Texture extends Family {
  /** Radians. */
  readonly direction: number
  /** Maximum random rotation in either direction. Directions of a family never overlap. */
  readonly turn: number
}

/**
 * The textures of the given number of classes. Each family is used with four directions before the next family is
 * added, and classes are distributed evenly.
 */
export function textures(classes: number): readonly Texture[] {
  const used = families.slice(0, Math.ceil(classes / PER_FAMILY))
  return used.flatMap((family, f) => {
    const directions = Math.floor(classes / used.length) + (f < classes % used.length ? 1 : 0)
    const spacing = family.period / directions
    return Array.from({ length: directions }, (_, i) => ({
      ...family,
      name: `${family.name} ${Math.round((i * spacing * 180) / PI)}°`,
      direction: i * spacing,
      turn: spacing * 0.15,
    }))
  })
}

const NOISE = 1 << 16
/** Normal random numbers that are drawn once and read from random offsets, because an image needs thousands of them. */
export const noiseTable = (rng: Random): Float32Array => Float32Array.from({ length: NOISE }, () => rng.normal())

/**
 * Draws one image at byte offset `at`: a tinted background that darkens to one side, the texture in a disc at a random
 * position in a random colour, spots of other colours over it, and noise.
 */
export function drawTexture(
  texture: Texture,
  pixels: Uint8ClampedArray,
  at: number,
  { size, channels, noise }: { size: number; channels: number; noise: number },
  table: Float32Array,
  rng: Random,
): void {
  const uniform = (least: number, most: number) => least + (most - least) * rng.float()
  const direction = texture.direction + uniform(-texture.turn, texture.turn)
  const wave = ((2 * PI) / texture.wavelength) * uniform(0.88, 1.14)
  const [cos, sine] = [Math.cos(direction) * wave, Math.sin(direction) * wave]
  const [phaseU, phaseV] = [uniform(0, 2 * PI), uniform(0, 4 * PI)]
  const radius = size * uniform(0.34, 0.55)
  const [centreX, centreY] = [uniform(0.3, 0.7) * size, uniform(0.3, 0.7) * size]

  const ground: number[] = []
  const colour: number[] = []
  let length = 0
  for (let c = 0; c < channels; c++) {
    ground.push(uniform(80, 176))
    colour.push(rng.normal())
    length += colour[c]! ** 2
  }
  const strength = uniform(40, 75) / Math.sqrt(length / channels || 1)
  const [slopeX, slopeY] = [uniform(-50, 50) / size, uniform(-50, 50) / size]
  const spots = Array.from({ length: 2 }, () => ({
    x: rng.float() * size,
    y: rng.float() * size,
    square: (size * uniform(0.06, 0.13)) ** 2,
    shade: uniform(-90, 90),
  }))
  let grain = rng.int(NOISE)

  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      let shade = slopeX * (x - size / 2) + slopeY * (y - size / 2)
      let brightness = 0
      if ((x - centreX) ** 2 + (y - centreY) ** 2 < radius * radius)
        brightness = strength * texture.brightness(x * cos + y * sine + phaseU, y * cos - x * sine + phaseV)
      for (const spot of spots)
        if ((x - spot.x) ** 2 + (y - spot.y) ** 2 < spot.square) {
          brightness = 0
          shade = spot.shade
        }
      for (let c = 0; c < channels; c++) {
        pixels[at++] = ground[c]! + shade + brightness * colour[c]! + noise * table[grain++ & (NOISE - 1)]!
      }
    }
}
