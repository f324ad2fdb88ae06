import { optionError } from '../../../core/options/index.ts'
import type { Random } from '../../../core/random.ts'
import type { Picture } from './picture.ts'

interface Leaf {
  readonly x: number
  readonly y: number
  readonly radius: number
  /** Ratio of width to height, and rotation, of an ellipse. */
  readonly stretch: number
  readonly cos: number
  readonly sin: number
  readonly square: boolean
  readonly colour: readonly number[]
  readonly slope: number
  /** Grating: amplitude in grey levels, and radians per pixel. */
  readonly grating: number
  readonly wave: number
}

function leafOf(rng: Random, height: number, width: number): Leaf {
  const between = (least: number, most: number) => least + (most - least) * rng.float()
  const [smallest, largest] = [2, Math.max(4, Math.min(height, width) / 2)]
  // Radii follow an inverse cube law, which makes the image statistics scale-invariant like those of photographs.
  const u = rng.float()
  const radius = 1 / Math.sqrt(u / smallest ** 2 + (1 - u) / largest ** 2)
  const angle = between(0, Math.PI)
  const grey = between(15, 240)
  return {
    x: between(-radius, width + radius),
    y: between(-radius, height + radius),
    radius,
    stretch: between(0.4, 2.5),
    cos: Math.cos(angle),
    sin: Math.sin(angle),
    square: rng.float() < 0.35,
    colour: [0, 1, 2].map(() => grey + 28 * rng.normal()),
    slope: between(-30, 30) / radius,
    grating: rng.float() < 0.45 ? between(5, 35) : 0,
    wave: (2 * Math.PI) / between(2.5, 12),
  }
}

/**
 * Draws an image with the statistics of photographs, for use without real ones: opaque leaves of all sizes, each
 * shaded and some striped, on top of each other (the dead leaves model of Lee, Mumford and Huang, 2001), antialiased
 * by four samples per pixel, with a little noise. The same generator gives the same image.
 */
export function drawScene(height: number, width: number, rng: Random): Picture {
  for (const [option, received] of Object.entries({ height, width }))
    if (!Number.isInteger(received) || received < 1)
      throw optionError('drawScene', option, received, 'a whole number of at least 1')
  const leaves = Array.from({ length: 60 + Math.round((height * width) / 60) }, () => leafOf(rng, height, width))
  const pixels = new Uint8ClampedArray(height * width * 3)
  const grain = rng.fork('grain')
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0]
      for (let sample = 0; sample < 4; sample++) {
        const [px, py] = [x + (sample % 2 ? 0.75 : 0.25), y + (sample < 2 ? 0.25 : 0.75)]
        shade(leaves, px, py, sum)
      }
      const noise = 1.5 * grain.normal()
      for (let c = 0; c < 3; c++) pixels[(y * width + x) * 3 + c] = sum[c]! / 4 + noise
    }
  return { height, width, channels: 3, pixels: new Uint8Array(pixels.buffer) }
}

/** Adds the colour of the topmost leaf at a point; the background is grey. */
function shade(leaves: readonly Leaf[], px: number, py: number, sum: number[]): void {
  for (const leaf of leaves) {
    const [dx, dy] = [px - leaf.x, py - leaf.y]
    const u = dx * leaf.cos + dy * leaf.sin
    const v = (dy * leaf.cos - dx * leaf.sin) * leaf.stretch
    const { radius } = leaf
    const inside = leaf.square ? Math.abs(u) < radius && Math.abs(v) < radius : u * u + v * v < radius * radius
    if (!inside) continue
    const light = leaf.slope * u + (leaf.grating === 0 ? 0 : leaf.grating * Math.sin(leaf.wave * u))
    for (let c = 0; c < 3; c++) sum[c] = sum[c]! + leaf.colour[c]! + light
    return
  }
  for (let c = 0; c < 3; c++) sum[c] = sum[c]! + 128
}
