/** The filter gradient of a depthwise convolution in the blocked layout: sums of products for each tap. */
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Dims, Values } from '../storage.ts'
import { mostTaps } from '../wasm/windows.ts'
import type { Floats, Window } from './blocked.ts'

/** Output positions whose input position under a tap lies inside the image. */
interface Reach {
  /** Input position of output position 0. */
  readonly shift: number
  readonly from: number
  readonly to: number
}

function reaches({ kernel, strides, dilations, pads }: Window, axis: 0 | 1, size: number, out: number): Reach[] {
  return Array.from({ length: kernel[axis] }, (_, tap) => {
    const shift = tap * dilations[axis] - pads[axis]
    const from = Math.max(0, Math.ceil(-shift / strides[axis]))
    return { shift, from, to: Math.max(from, Math.min(out, Math.ceil((size - shift) / strides[axis]))) }
  })
}

/** Neighbouring taps of a row that are summed together, as `dotTaps` expects them. */
function together(taps: readonly Reach[], first: number) {
  const [start, end] = [Math.max(...taps.map(({ from }) => from)), Math.min(...taps.map(({ to }) => to))]
  // Taps that share no column are summed one by one, as if all their columns came before the shared ones.
  const [from, to] = end > start ? [start, end] : [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
  const table = taps.flatMap((tap) => [tap.from, Math.min(from, tap.to) - tap.from, Math.max(0, tap.to - to)])
  return { first, taps: taps.length, shift: taps[0]!.shift, from, columns: to - from, table }
}

/** dw[i, j, c] = Σ (x under tap i, j) · dy, in one pass over x and dy for each row of the kernel. */
export function depthwiseFilterGradient(
  be: Pick<OnnxRuntimeBackend, 'layout' | 'loops' | 'memoryPool'>,
  x: Floats,
  [n, h, w, c]: Dims,
  dy: Floats,
  [, oh, ow]: Dims,
  window: Window,
  dw: Values,
): void {
  const { kernel, strides, dilations } = window
  const { block } = be.layout
  const [blocks, taps, bytes] = [be.layout.blocks(c), kernel[0] * kernel[1], block * 4]
  const rows = reaches(window, 0, h, oh)
  const columns = reaches(window, 1, w, ow)
  const groups = Array.from({ length: Math.ceil(kernel[1] / mostTaps) }, (_, group) => {
    const first = group * mostTaps
    return together(columns.slice(first, first + mostTaps), first)
  })
  const xSteps = [h * w * bytes, strides[0] * w * bytes, strides[1] * bytes]
  const dySteps = [oh * ow * bytes, ow * bytes, bytes]
  const entries = 3 * mostTaps
  be.memoryPool.withScratch([blocks * taps * block, groups.length * entries], (sums, scratch) => {
    sums.fill(0)
    const tables = new Int32Array(scratch.buffer, scratch.byteOffset, scratch.length)
    groups.forEach(({ table }, group) => {
      tables.set(table, group * entries)
    })
    for (let image = 0; image < n; image++)
      rows.forEach((row, i) => {
        const xAt = x.byteOffset + (image * blocks * h + row.from * strides[0] + row.shift) * w * bytes
        const dyAt = dy.byteOffset + (image * blocks * oh + row.from) * ow * bytes
        groups.forEach((group, index) => {
          be.loops[`dotTaps${group.taps as 1}`](
            ...[blocks, row.to - row.from, xAt + group.shift * bytes, ...xSteps, dyAt, ...dySteps],
            ...[dilations[1] * bytes, group.from, group.columns, tables.byteOffset + index * entries * 4],
            ...[sums.byteOffset + (i * kernel[1] + group.first) * bytes, taps * bytes],
          )
        })
      })
    for (let t = 0; t < taps; t++)
      for (let k = 0; k < c; k++)
        dw[t * c + k] = sums[(Math.floor(k / block) * taps + t) * block + (k % block)] as number
  })
}
