/**
 * The layout in which MLAS (ONNX Runtime's kernels) convolves at full speed: channels in blocks of one vector register,
 * [N, ⌈C/B⌉, H, W, B]; lanes beyond the last channel are zero. Activations keep this layout from one kernel to the
 * next, and become row-major [N, H, W, C] only if a kernel that does not support it reads their values.
 */
import { checkPossible } from '../../core/tensor/possible-shapes.ts'
import type { Dims, Memory } from './storage.ts'
import type { Loops } from './wasm/loops.ts'

type Floats = Float32Array<ArrayBuffer>

export class Layout {
  constructor(
    private readonly memory: Memory,
    readonly loops: Loops,
    /** Channels in a block: 16 with AVX-512 and NEON, 8 with AVX. */
    readonly block: number,
  ) {}

  blocks(channels: number): number {
    return Math.ceil(channels / this.block)
  }

  padded(channels: number): number {
    return this.blocks(channels) * this.block
  }

  /** Allocates space for blocked data of these dims. */
  room(dims: Dims): Floats {
    checkPossible(dims)
    const [n, h, w, c] = dims
    return this.memory.floats(n * h * w * this.padded(c))
  }

  zero(array: Floats): Floats {
    this.loops.fill(Math.ceil(array.length / 16), array.byteOffset, 0)
    return array
  }

  /** Row-major [N, H, W, C] → blocks. */
  toBlocked(plain: Floats, dims: Dims, to = this.room(dims)): Floats {
    const [n, h, w, c] = dims
    if (c % this.block === 0) this.move(plain, to, dims, true)
    else {
      const [blocks, positions, size] = [this.blocks(c), h * w, this.block]
      this.zero(to)
      for (let image = 0; image < n; image++)
        for (let b = 0; b < blocks; b++) {
          const lanes = Math.min(size, c - b * size)
          let write = (image * blocks + b) * positions * size
          let read = image * positions * c + b * size
          for (let p = 0; p < positions; p++, write += size, read += c)
            for (let i = 0; i < lanes; i++) to[write + i] = plain[read + i] as number
        }
    }
    return to
  }

  /** Blocks → row-major [N, H, W, C]. */
  toPlain(blocked: Floats, dims: Dims): Floats {
    const [n, h, w, c] = dims
    const to = this.memory.floats(n * h * w * c)
    if (c % this.block === 0) this.move(blocked, to, dims, false)
    else {
      const [blocks, positions, size] = [this.blocks(c), h * w, this.block]
      for (let image = 0; image < n; image++)
        for (let b = 0; b < blocks; b++) {
          const lanes = Math.min(size, c - b * size)
          let read = (image * blocks + b) * positions * size
          let write = image * positions * c + b * size
          for (let p = 0; p < positions; p++, read += size, write += c)
            for (let i = 0; i < lanes; i++) to[write + i] = blocked[read + i] as number
        }
    }
    return to
  }

  private move(from: Floats, to: Floats, [n, h, w, c]: Dims, blocking: boolean): void {
    const bytes = this.block * 4
    const [blocks, positions] = [c / this.block, h * w]
    const plainSteps = [bytes, c * 4] as const
    const blockedSteps = [positions * bytes, bytes] as const
    const [toSteps, fromSteps] = blocking ? [blockedSteps, plainSteps] : [plainSteps, blockedSteps]
    // Positions in the outer loop and blocks in the inner one, because this side is read row by row.
    for (let image = 0; image < n; image++) {
      const offset = image * positions * c * 4
      this.loops.copyBlocks(
        to.byteOffset + offset,
        from.byteOffset + offset,
        ...[positions, toSteps[1], fromSteps[1]],
        ...[blocks, toSteps[0], fromSteps[0]],
      )
    }
  }

  /** [C] → [⌈C/B⌉·B], zero beyond, so that per-channel loops may read whole blocks. */
  parameters(values: ArrayLike<number>, to: Floats): Floats {
    to.fill(0)
    to.set(values)
    return to
  }
}
