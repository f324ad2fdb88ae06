/** The WebAssembly loops in blocks of every size that processors have, against plain loops. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { Arena } from '../../../plugins/onnxruntime/arena.ts'
import { outputSize, type Window } from '../../../plugins/onnxruntime/kernels/blocked.ts'
import { depthwiseFilterGradient } from '../../../plugins/onnxruntime/kernels/depthwise.ts'
import { Layout } from '../../../plugins/onnxruntime/layout.ts'
import { type Dims, Memory } from '../../../plugins/onnxruntime/storage.ts'
import { makeLoops } from '../../../plugins/onnxruntime/wasm/loops.ts'

const arena = new Arena(64)
const memoryPool = new Memory(arena)
const engines = [4, 8, 16].map((block) => {
  const loops = makeLoops(arena.memory, block)
  return { block, loops, memoryPool, layout: new Layout(memoryPool, loops, block) }
})

const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }))
const cases = fc.record({
  n: fc.integer({ min: 1, max: 3 }),
  size: pair(9),
  c: fc.constantFrom(1, 8, 17),
  kernel: pair(7),
  strides: pair(3),
  dilations: pair(2),
  pads: fc.tuple(
    ...([0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 3 })) as [
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
    ]),
  ),
  seed: fc.integer({ min: 1, max: 1e6 }),
})

/** Few different values, so that windows hold their maximum more than once. */
function drawn(length: number, seed: number) {
  const [rng, values] = [seeded(seed), memoryPool.floats(length)]
  for (let i = 0; i < length; i++) values[i] = rng.int(7) - 3
  return values
}

/** The values of a window that lie on the image, in the order of the taps: (output, input, tap) as indices of planes. */
function* visits(
  [n, h, w, c]: Dims,
  [oh, ow]: readonly [number, number],
  { kernel, strides, dilations, pads }: Window,
) {
  for (let image = 0; image < n; image++)
    for (let r = 0; r < oh; r++)
      for (let q = 0; q < ow; q++)
        for (let i = 0; i < kernel[0]; i++)
          for (let j = 0; j < kernel[1]; j++) {
            const [y, x] = [r * strides[0] + i * dilations[0] - pads[0], q * strides[1] + j * dilations[1] - pads[1]]
            if (y < 0 || x < 0 || y >= h || x >= w) continue
            for (let k = 0; k < c; k++)
              yield {
                output: ((image * oh + r) * ow + q) * c + k,
                input: ((image * h + y) * w + x) * c + k,
                tap: (i * kernel[1] + j) * c + k,
              }
          }
}

describe.each(engines)('blocks of $block channels', (be) => {
  it('sum the filter gradient of depthwise convolutions, for kernels wider than the registers hold', () => {
    fc.assert(
      fc.property(cases, ({ n, size, c, seed, ...window }) => {
        const [dims, [oh, ow]] = [[n, ...size, c] as Dims, outputSize(...size, window)]
        fc.pre(oh > 0 && ow > 0)
        const [x, dy] = [drawn(n * size[0] * size[1] * c, seed), drawn(n * oh * ow * c, seed + 1)]
        const expected = new Float32Array(window.kernel[0] * window.kernel[1] * c)
        for (const { output, input, tap } of visits(dims, [oh, ow], window)) expected[tap]! += x[input]! * dy[output]!
        const dw = new Float32Array(expected.length)
        const [xs, dys] = [be.layout.toBlocked(x, dims), be.layout.toBlocked(dy, [n, oh, ow, c])]
        depthwiseFilterGradient(be, xs, dims, dys, [n, oh, ow, c], window, dw)
        for (const array of [x, dy, xs, dys]) memoryPool.recycle(array)
        expect(dw).toEqual(expected)
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  it('pass the gradient of a maximum to the first position that holds it', () => {
    fc.assert(
      fc.property(cases, ({ n, size, c, seed, ...given }) => {
        const window: Window = { ...given, dilations: [1, 1] }
        const [dims, [oh, ow]] = [[n, ...size, c] as Dims, outputSize(...size, window)]
        fc.pre(oh > 0 && ow > 0 && window.pads.every((pad, side) => pad < window.kernel[side % 2]!))
        const [x, dy] = [drawn(n * size[0] * size[1] * c, seed), drawn(n * oh * ow * c, seed + 1)]
        const y = memoryPool.floats(dy.length).fill(Number.NEGATIVE_INFINITY)
        for (const { output, input } of visits(dims, [oh, ow], window)) y[output] = Math.max(y[output]!, x[input]!)
        const expected = new Float32Array(x.length)
        const taken = new Set<number>()
        for (const { output, input } of visits(dims, [oh, ow], window))
          if (x[input] === y[output] && !taken.has(output)) {
            taken.add(output)
            expected[input]! += dy[output]!
          }
        const [xs, ys, dys] = [
          be.layout.toBlocked(x, dims),
          be.layout.toBlocked(y, [n, oh, ow, c]),
          be.layout.toBlocked(dy, [n, oh, ow, c]),
        ]
        const dx = be.layout.zero(be.layout.room(dims))
        be.loops.takeMaxima(
          ...[
            n * be.layout.blocks(c),
            ...size,
            oh,
            ow,
            ...window.kernel,
            ...window.strides,
            ...window.pads.slice(0, 2),
          ],
          ...[xs, ys, dys, dx].map((array) => array.byteOffset),
        )
        const received = be.layout.toPlain(dx, dims)
        expect([...received].map((value) => value + 0)).toEqual([...expected])
        for (const array of [x, dy, y, xs, ys, dys, dx, received]) memoryPool.recycle(array)
      }),
      { numRuns: 200, seed: 2 },
    )
  })
})
