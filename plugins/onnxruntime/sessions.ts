/** Compiled graphs, cached by key (operator, shapes, attributes): the least recently used is released first. */
import { messageOf } from '../../core/errors.ts'
import { type Binding, type NativeSession, type NativeTensor, stopOutput } from './binding.ts'
import { error } from './errors.ts'
import { encode, Graph } from './proto.ts'
import type { Values } from './storage.ts'

export interface SessionOptions {
  readonly threads: number
  /** Maximum number of sessions that are kept. */
  readonly limit: number
  /** Maximum number of threads of all kept sessions; each session owns a pool. */
  readonly threadLimit?: number
}

/** A few thousand sleeping threads do no harm; systems and containers refuse tens of thousands. */
const usualThreadLimit = 4096

/** Below this number of multiply-adds or moved values, waking a second thread costs more than it saves. */
const worthThreads = 1 << 20

class Session {
  constructor(
    readonly native: NativeSession,
    readonly inputs: readonly NativeTensor[],
    readonly outputs: readonly NativeTensor[],
    readonly feeds: Record<string, NativeTensor>,
    readonly fetches: Record<string, NativeTensor>,
    /** Number of its own threads, beside the caller's. */
    readonly threads: number,
  ) {}
}

export class Sessions {
  private readonly cache = new Map<string, Session>()
  /** Graphs compiled since start. */
  compiled = 0
  /** Threads that the sessions in the cache own. */
  threads = 0

  constructor(
    private readonly binding: Binding,
    private readonly options: SessionOptions,
  ) {}

  get size(): number {
    return this.cache.size
  }

  /**
   * Runs the graph that `build` makes (once per key) on the inputs, in the order of their declaration, into the
   * outputs.
   * @param work multiply-adds or moved values, which decide the number of threads.
   */
  run(key: string, build: (g: Graph) => void, work: number, inputs: readonly Values[], outputs: readonly Values[]) {
    const session = this.get(key, build, work)
    for (let i = 0; i < inputs.length; i++) (session.inputs[i] as NativeTensor).data = inputs[i] as Values
    for (let i = 0; i < outputs.length; i++) (session.outputs[i] as NativeTensor).data = outputs[i] as Values
    try {
      this.binding.run(session.native, session.feeds, session.fetches)
    } catch (cause) {
      throw error('ARCHLOOM_ONNXRUNTIME_GRAPH', { key, reason: messageOf(cause) }, { cause })
    } finally {
      // Neither inputs nor outputs may be kept alive by the cache.
      for (const tensor of session.inputs) tensor.data = nothing
      for (const tensor of session.outputs) tensor.data = nothing
    }
  }

  private get(key: string, build: (g: Graph) => void, work: number): Session {
    const found = this.cache.get(key)
    if (found) {
      this.cache.delete(key)
      this.cache.set(key, found)
      return found
    }
    const graph = new Graph()
    build(graph)
    const made = this.compile(key, graph, work >= worthThreads ? this.options.threads : 1)
    this.cache.set(key, made)
    this.threads += made.threads
    const { limit, threadLimit = usualThreadLimit } = this.options
    for (const [oldest, session] of this.cache) {
      if ((this.cache.size <= limit && this.threads <= threadLimit) || session === made) break
      session.native.dispose()
      this.threads -= session.threads
      this.cache.delete(oldest)
    }
    return made
  }

  private compile(key: string, graph: Graph, threads: number): Session {
    const inputValues = graph.inputs
    const declared = [...graph.outputs]
    graph.nodes.push({
      op: 'Identity',
      domain: '',
      inputs: [graph.constant([0], 'float32')],
      outputs: [stopOutput],
      attributes: {},
    })
    graph.outputs.unshift({ name: stopOutput, dims: [], type: 'float32' })
    const model = encode(graph)
    const native = this.binding.newSession()
    try {
      native.loadModel(model.buffer, model.byteOffset, model.byteLength, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        enableCpuMemArena: false,
        enableMemPattern: false,
        extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
      })
    } catch (cause) {
      throw error('ARCHLOOM_ONNXRUNTIME_GRAPH', { key, reason: messageOf(cause) }, { cause })
    }
    this.compiled++
    const tensor = ({ type, dims }: { type: string; dims: readonly number[] }): NativeTensor => ({
      type,
      dims,
      data: nothing,
      location: 'cpu',
    })
    const inputs = inputValues.map(tensor)
    const outputs = declared.map(tensor)
    const named = (values: readonly { name: string }[], tensors: readonly NativeTensor[]) =>
      Object.fromEntries(values.map(({ name }, i) => [name, tensors[i] as NativeTensor]))
    return new Session(native, inputs, outputs, named(inputValues, inputs), named(declared, outputs), threads - 1)
  }

  /** Releases every session. */
  clear(): void {
    for (const session of this.cache.values()) session.native.dispose()
    this.cache.clear()
    this.threads = 0
  }
}

const nothing = new Float32Array(0)
