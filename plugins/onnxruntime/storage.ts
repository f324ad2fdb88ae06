/**
 * The data of one tensor in the engine: values in row-major order, channels in blocks, or both. Reading the values
 * always returns them in row-major order, so every kernel of the cpu backend works on any entry.
 */
import type { backend_util, DataType, TensorInfo } from '@tensorflow/tfjs-core'
import type { Arena } from './arena.ts'
import { error } from './errors.ts'

export type Values = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>
/** [batch, height, width, channels] of data whose channels are stored in blocks. */
export type Dims = readonly [number, number, number, number]
/** Turns blocks of channels into row-major values. */
export type Unblock = (blocked: Float32Array<ArrayBuffer>, dims: Dims) => Float32Array<ArrayBuffer>

export const bytesOf: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1 }

export class Entry {
  refCount: number
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo }
  private plain: backend_util.BackendValues | undefined
  private blocks: Float32Array<ArrayBuffer> | undefined
  private dims: Dims | undefined

  constructor(
    private readonly memory: Memory,
    readonly dtype: DataType,
    plain: backend_util.BackendValues | undefined,
    refCount = 1,
  ) {
    this.plain = plain
    this.refCount = refCount
  }

  /** Row-major values, made from the blocks if there are only blocks. */
  get values(): backend_util.BackendValues | undefined {
    if (this.plain === undefined && this.blocks && this.dims) this.plain = this.memory.unblock(this.blocks, this.dims)
    return this.plain
  }

  set values(values: backend_util.BackendValues | undefined) {
    this.plain = values
  }

  /** Row-major floats or integers, which most kernels need. */
  get numbers(): Values {
    return this.values as Values
  }

  /** The channels in blocks, if they are stored so and the dims agree. */
  blocked(dims: readonly number[]): Float32Array<ArrayBuffer> | undefined {
    return this.blocks && this.dims?.every((size, axis) => size === dims[axis]) ? this.blocks : undefined
  }

  get blockedDims(): Dims | undefined {
    return this.blocks && this.dims
  }

  get hasPlain(): boolean {
    return this.plain !== undefined
  }

  setBlocked(blocks: Float32Array<ArrayBuffer>, dims: Dims): void {
    this.blocks = blocks
    this.dims = dims
  }

  /** Discards the blocks, after the row-major values were changed in place. */
  dropBlocked(): void {
    if (this.blocks) this.memory.recycle(this.blocks)
    this.blocks = undefined
  }

  release(): void {
    this.dropBlocked()
    if (this.plain && !Array.isArray(this.plain)) this.memory.recycle(this.plain as Values)
    this.plain = undefined
  }
}

/** Arrays inside the arena. */
export class Memory {
  unblock: Unblock = () => {
    throw new Error('no blocked layout on this processor')
  }

  constructor(readonly arena: Arena) {}

  /** @throws ARCHLOOM_ONNXRUNTIME_MEMORY_FULL */
  floats(length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.arena.buffer, this.take(length * 4), length)
  }

  array(dtype: DataType, length: number): Values {
    const start = this.take(length * bytesOf[dtype]!)
    if (dtype === 'float32') return new Float32Array(this.arena.buffer, start, length)
    if (dtype === 'int32') return new Int32Array(this.arena.buffer, start, length)
    return new Uint8Array(this.arena.buffer, start, length)
  }

  private take(bytes: number): number {
    const start = this.arena.take(bytes)
    if (start === undefined) throw error('ARCHLOOM_ONNXRUNTIME_MEMORY_FULL', { bytes, used: this.arena.used })
    return start
  }

  recycle(values: Values): void {
    if (values.buffer !== this.arena.buffer) return
    if (this.kept) this.kept.push(values.byteOffset)
    else this.arena.give(values.byteOffset)
  }

  /** Blocks that were released while a function of `keeping` runs. */
  private kept: number[] | undefined

  /** Runs a function that may go on to read arrays which it has recycled: none is used again before it has ended. */
  keeping<T>(use: () => T): T {
    if (this.kept) return use()
    const kept: number[] = []
    this.kept = kept
    try {
      return use()
    } finally {
      this.kept = undefined
      for (const start of kept) this.arena.give(start)
    }
  }

  /** Runs a function with scratch arrays that are released at the end. */
  withScratch<T>(lengths: readonly number[], use: (...scratch: Float32Array<ArrayBuffer>[]) => T): T {
    const scratch = lengths.map((length) => this.floats(length))
    try {
      return use(...scratch)
    } finally {
      for (const array of scratch) this.recycle(array)
    }
  }
}
