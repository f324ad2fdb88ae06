/** What protection does to whole functions, in double precision: no engine. */
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { projector } from '../../../plugins/dinas/projector.ts'

const gaussian = (count: number, label: string, scale = 1) => {
  const rng = seeded(label)
  return Float64Array.from({ length: count }, () => scale * rng.normal())
}
const at = (m: Float64Array, i: number) => m[i] as number
/** [n, d] · [d, o]. */
function product(x: Float64Array, w: Float64Array, n: number, d: number, o: number): Float64Array {
  const y = new Float64Array(n * o)
  for (let r = 0; r < n; r++)
    for (let i = 0; i < d; i++) {
      const value = at(x, r * d + i)
      if (value !== 0) for (let c = 0; c < o; c++) y[r * o + c] = at(y, r * o + c) + value * at(w, i * o + c)
    }
  return y
}
const transposed = (x: Float64Array, n: number, d: number) => {
  const y = new Float64Array(x.length)
  for (let r = 0; r < n; r++) for (let c = 0; c < d; c++) y[c * n + r] = at(x, r * d + c)
  return y
}
const gap = (a: Float64Array, b: Float64Array) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - at(b, i))), 0)

describe('one shared linear layer, d = 64, 20 protected samples, 1000 steps on other examples', () => {
  const [d, o, n] = [64, 10, 20]
  const held = gaussian(n * d, 'held')
  const other = gaussian(40 * d, 'other')
  const wanted = gaussian(40 * o, 'targets')
  const change = (alpha: number | undefined) => {
    const p = projector(d)
    if (alpha !== undefined) p.protect(held, alpha)
    const w = gaussian(d * o, 'weights', 0.1)
    const before = product(held, w, n, d, o)
    const turned = transposed(other, 40, d)
    for (let step = 0; step < 1000; step++) {
      const error = product(other, w, 40, d, o).map((value, i) => (value - at(wanted, i)) / 40)
      const g = p.project(product(turned, error, d, 40, o))
      for (let i = 0; i < w.length; i++) w[i] = at(w, i) - 0.1 * at(g, i)
    }
    const after = product(held, w, n, d, o)
    return Math.hypot(...after.map((value, i) => value - at(before, i))) / Math.hypot(...before)
  }

  it('DO7 changes their outputs in proportion to α, down to rounding', () => {
    const [tiny, small, middle, large] = [1e-12, 1e-8, 1e-4, 1e-2].map(change) as [number, number, number, number]
    expect(tiny).toBeLessThan(1e-11)
    expect(small).toBeLessThan(1e-7)
    expect(middle / small).toBeGreaterThan(0.8e4)
    expect(middle / small).toBeLessThan(1.2e4)
    expect(large / middle).toBeGreaterThan(80)
    expect(large / middle).toBeLessThan(120)
    expect(change(undefined)).toBeGreaterThan(0.3)
  })
})

describe('three ReLU layers and a head, every input with a constant 1, 24 protected samples, 400 steps on B', () => {
  const [width, d, classes, n] = [64, 65, 10, 24]
  const withOne = (x: Float64Array, rows: number, from: number) => {
    const y = new Float64Array(rows * (from + 1))
    for (let r = 0; r < rows; r++) {
      y.set(x.subarray(r * from, (r + 1) * from), r * (from + 1))
      y[r * (from + 1) + from] = 1
    }
    return y
  }
  type Weights = readonly [Float64Array, Float64Array, Float64Array, Float64Array]
  const start = (): Weights => [
    ...([0, 1, 2].map((l) => gaussian(d * width, `w${l}`, Math.sqrt(2 / d))) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ]),
    gaussian(d * classes, 'head', Math.sqrt(1 / d)),
  ]
  /** Inputs of the four layers (with their 1) and the logits. */
  const forward = (x: Float64Array, rows: number, weights: Weights) => {
    const inputs = [withOne(x, rows, width)]
    for (let l = 0; l < 3; l++)
      inputs.push(
        withOne(
          product(inputs[l] as Float64Array, weights[l] as Float64Array, rows, d, width).map((v) => Math.max(0, v)),
          rows,
          width,
        ),
      )
    return { inputs, logits: product(inputs[3] as Float64Array, weights[3], rows, d, classes) }
  }
  const examples = (rows: number, label: string) => {
    const centres = gaussian(classes * width, `centres of ${label}`, 1)
    const noise = gaussian(rows * width, `noise of ${label}`, 0.5)
    const labels = Array.from({ length: rows }, (_, i) => i % classes)
    return {
      labels,
      x: noise.map((v, i) => v + at(centres, labels[Math.floor(i / width)]! * width + (i % width))),
    }
  }
  const a = examples(n, 'A').x
  const unprotected = examples(n, 'A without protection').x
  const b = examples(40, 'B')

  const run = (alpha: number) => {
    const weights = start()
    const before = forward(a, n, weights)
    const beforeOther = forward(unprotected, n, weights).logits
    const projectors = before.inputs.map((x) => {
      const p = projector(d)
      p.protect(x, alpha)
      return p
    })
    for (let step = 0; step < 400; step++) {
      const { inputs, logits } = forward(b.x, 40, weights)
      let delta = new Float64Array(40 * classes)
      for (let r = 0; r < 40; r++) {
        const row = logits.subarray(r * classes, (r + 1) * classes)
        const most = Math.max(...row)
        const total = row.reduce((sum, v) => sum + Math.exp(v - most), 0)
        for (let c = 0; c < classes; c++)
          delta[r * classes + c] = (Math.exp(at(row, c) - most) / total - (b.labels[r] === c ? 1 : 0)) / 40
      }
      for (let l = 3; l >= 0; l--) {
        const [out, w, x] = [l === 3 ? classes : width, weights[l] as Float64Array, inputs[l] as Float64Array]
        const gradient = product(transposed(x, 40, d), delta, d, 40, out)
        const back = product(delta, transposed(w, d, out), 40, out, d)
        const g = (projectors[l] as ReturnType<typeof projector>).project(gradient)
        for (let i = 0; i < w.length; i++) w[i] = at(w, i) - 0.1 * at(g, i)
        if (l === 0) break
        delta = new Float64Array(40 * width)
        for (let r = 0; r < 40; r++)
          for (let c = 0; c < width; c++) delta[r * width + c] = at(x, r * d + c) > 0 ? at(back, r * d + c) : 0
      }
    }
    const { logits } = forward(b.x, 40, weights)
    const right = b.labels.filter((label, r) => {
      const row = logits.subarray(r * classes, (r + 1) * classes)
      return row.indexOf(Math.max(...row)) === label
    }).length
    return {
      protectedChange: gap(forward(a, n, weights).logits, before.logits),
      otherChange: gap(forward(unprotected, n, weights).logits, beforeOther),
      accuracy: right / 40,
    }
  }

  it('DO8 keeps the logits of A on protected samples while B is learnt', () => {
    const tiny = run(1e-12)
    expect(tiny.protectedChange).toBeLessThan(1e-10)
    expect(tiny.otherChange).toBeGreaterThan(0.5)
    expect(tiny.accuracy).toBeGreaterThan(0.95)
    const small = run(1e-6)
    expect(small.protectedChange).toBeLessThan(1e-4)
    expect(small.protectedChange).toBeGreaterThan(tiny.protectedChange)
    const large = run(1e-3)
    expect(large.protectedChange).toBeLessThan(1e-1)
    expect(large.protectedChange).toBeGreaterThan(10 * small.protectedChange)
  })
})
