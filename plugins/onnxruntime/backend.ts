import type { backend_util, DataType, TensorInfo, Variable } from '@tensorflow/tfjs-core'
import { engine, util } from '@tensorflow/tfjs-core'
import { MathBackendCPU } from '#tfjs-backend-cpu'
import { checkPossible } from '../../core/tensor/possible-shapes.ts'
import type { Arena } from './arena.ts'
import { Layout } from './layout.ts'
import type { Sessions } from './sessions.ts'
import { bytesOf, type Dims, Entry, Memory, type Values } from './storage.ts'
import { type Loops, makeLoops } from './wasm/loops.ts'

/**
 * tfjs's cpu backend with its data in an arena. Every cpu kernel runs on it unchanged; the kernels of this engine
 * replace the hot ones. Values are copied in and out: arrays that a caller wrote or read are never shared with the
 * arena, so a block may be reused as soon as its tensor is disposed.
 */
export class OnnxRuntimeBackend extends MathBackendCPU {
  /** The name it is registered under. */
  readonly name: string
  readonly memoryPool: Memory
  readonly loops: Loops
  readonly layout: Layout
  /** Whether ONNX Runtime convolves in the blocked layout on this processor. */
  readonly convolvesBlocks: boolean
  /** Whether convolutions may give up precision for speed where that pays. */
  readonly fast: boolean

  constructor(
    name: string,
    arena: Arena,
    readonly sessions: Sessions,
    fast = false,
  ) {
    super()
    this.name = name
    this.memoryPool = new Memory(arena)
    const block = blockOf(sessions)
    this.convolvesBlocks = block !== undefined
    // Measured on blocks of eight channels only.
    this.fast = fast && block === 8
    this.loops = makeLoops(arena.memory, block ?? 16)
    this.layout = new Layout(this.memoryPool, this.loops, block ?? 16)
    this.memoryPool.unblock = (blocked, dims) => this.layout.toPlain(blocked, dims)
  }

  entry(tensor: TensorInfo): Entry {
    return this.data.get(tensor.dataId) as unknown as Entry
  }

  /** A new tensor; the caller must write all of its values. */
  output(shape: readonly number[], dtype: DataType = 'float32'): TensorInfo & { values: Values } {
    checkPossible(shape)
    const values = this.memoryPool.array(dtype, util.sizeFromShape(shape as number[]))
    return { dataId: this.keep(new Entry(this.memoryPool, dtype, values)), shape: shape as number[], dtype, values }
  }

  /** A tensor in the blocked layout; made once, then kept beside the row-major values. */
  blocked(tensor: TensorInfo, dims: Dims = tensor.shape as unknown as Dims): Float32Array<ArrayBuffer> {
    const entry = this.entry(tensor)
    const found = entry.blocked(dims)
    if (found) return found
    // The same data with another shape are read from the row-major values.
    const plain = entry.values as Float32Array<ArrayBuffer>
    entry.dropBlocked()
    const made = this.layout.toBlocked(plain, dims)
    entry.setBlocked(made, dims)
    return made
  }

  /** The values of a variable, to be changed in place. Data that another tensor shares is copied first. */
  writable(variable: TensorInfo): Float32Array<ArrayBuffer> {
    const entry = this.entry(variable)
    const values = entry.numbers as Float32Array<ArrayBuffer>
    if (entry.refCount === 1) {
      entry.dropBlocked()
      return values
    }
    const copy = this.output(variable.shape)
    copy.values.set(values)
    const tensor = engine().makeTensorFromTensorInfo(copy, this)
    ;(variable as Variable).assign(tensor)
    tensor.dispose()
    return copy.values as Float32Array<ArrayBuffer>
  }

  /** A tensor of data that a kernel made in the blocked layout. */
  blockedOutput(blocks: Float32Array<ArrayBuffer>, dims: Dims, shape: readonly number[] = dims): TensorInfo {
    const entry = new Entry(this.memoryPool, 'float32', undefined)
    entry.setBlocked(blocks, dims)
    return { dataId: this.keep(entry), shape: [...shape], dtype: 'float32' }
  }

  /**
   * Float tensors of one shape with their values in one order (their own, if it is the same for all), and a new tensor
   * in that order, for WebAssembly loops of other modules that treat all values alike. Undefined for other tensors.
   */
  inOneOrder(tensors: readonly TensorInfo[]) {
    const { buffer, memory } = this.memoryPool.arena
    const [first] = tensors
    if (!first || tensors.some(({ dtype, shape }) => dtype !== 'float32' || !util.arraysEqual(shape, first.shape)))
      return
    const found = tensors.map((each) => this.entry(each)).find(({ hasPlain }) => !hasPlain)?.blockedDims
    // Blocks with lanes beyond the last channel contain more than the values.
    const dims = found && util.arraysEqual([...found], first.shape) && found[3] % this.layout.block === 0 && found
    const inputs = tensors.map((each) => (dims ? this.blocked(each, dims) : (this.entry(each).numbers as Float32Array)))
    if (inputs.some((each) => each.buffer !== buffer)) return
    if (!dims) {
      const { values, ...result } = this.output(first.shape)
      return { memory, inputs, output: values as Float32Array, result }
    }
    const output = this.layout.room(dims)
    return { memory, inputs, output, result: this.blockedOutput(output, dims) }
  }

  /** Registers an entry made by a kernel. */
  keep(entry: Entry): object {
    const dataId = {}
    this.store(dataId, entry)
    return dataId
  }

  private store(dataId: object, entry: Entry): void {
    this.data.set(dataId, entry as unknown as Parameters<typeof this.data.set>[1])
  }

  override write(values: backend_util.BackendValues, shape: number[], dtype: DataType): object {
    return this.keep(new Entry(this.memoryPool, dtype, this.own(values, shape, dtype)))
  }

  override move(dataId: object, values: backend_util.BackendValues, shape: number[], dtype: DataType, refs: number) {
    this.store(dataId, new Entry(this.memoryPool, dtype, this.own(values, shape, dtype), refs))
  }

  private own(values: backend_util.BackendValues | undefined, shape: number[], dtype: DataType) {
    if (values == null || !(dtype in bytesOf)) return values
    const own = this.memoryPool.array(dtype, util.sizeFromShape(shape))
    own.set(values as Values)
    return own
  }

  override readSync(dataId: object): backend_util.BackendValues {
    const values = super.readSync(dataId)
    return ArrayBuffer.isView(values) && values.buffer === this.memoryPool.arena.buffer
      ? (values as Values).slice()
      : values
  }

  override disposeData(dataId: object, force = false): boolean {
    const entry = this.data.has(dataId) ? (this.data.get(dataId) as unknown as Entry) : undefined
    const gone = super.disposeData(dataId, force)
    if (gone) entry?.release()
    return gone
  }

  override memory(): { unreliable: boolean; reasons: string[] } {
    return { unreliable: false, reasons: [] }
  }
}

/** The block size of the processor, found by letting ONNX Runtime reorder four channels into one block of each size. */
function blockOf(sessions: Sessions): number | undefined {
  return [16, 8].find((block) => {
    try {
      const values = new Float32Array(block)
      sessions.run(
        `block ${block}`,
        (g) => {
          const x = g.input('x', [1, 1, 1, 4])
          g.output(g.op('com.microsoft.nchwc:ReorderInput', [x], { channels_last: 1 }), [1, block, 1, 1])
        },
        1,
        [new Float32Array([1, 2, 3, 4])],
        [values],
      )
      return values[0] === 1 && values[3] === 4
    } catch {
      return false
    }
  })
}
