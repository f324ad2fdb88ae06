/**
 * All numbers of the engine are in one WebAssembly memory, so that the WebAssembly kernels and ONNX Runtime work on the
 * same bytes. The memory reserves only addresses; pages are allocated when they are used, and freed blocks are reused,
 * so resident memory depends on the largest step, not the number of steps. Blocks are multiples of 64 bytes (one cache
 * line, sixteen floats): kernels may write beyond the end of an array up to the end of its block.
 */
import { type WasmMemory, webAssembly } from './wasm/web-assembly.ts'

export const blockBytes = 64

export class Arena {
  readonly memory: WasmMemory
  readonly buffer: ArrayBuffer
  private readonly free = new Map<number, number>()
  private readonly freeEnds = new Map<number, number>()
  private readonly bins: Set<number>[] = Array.from({ length: 33 * 4 }, () => new Set<number>())
  private readonly taken = new Map<number, number>()
  /** Blocks released since the last merge, by size. The last one is taken first: the caches still hold it. */
  private readonly recent = new Map<number, number[]>()
  /** End of the memory that was ever in use. */
  private reached = 0
  /** Bytes in use. */
  used = 0

  /** @param pages of 64 KiB; 65536 pages are the 4 GiB that a WebAssembly memory can address. */
  constructor(pages = 65_536) {
    this.memory = new webAssembly.Memory({ initial: pages, maximum: pages })
    this.buffer = this.memory.buffer
    // The first block stays unused: address 0 means "none".
    this.release(blockBytes, pages * 65_536 - blockBytes)
  }

  /** The address of a block of at least this number of bytes, or undefined if the arena is full. */
  take(bytes: number): number | undefined {
    const size = Math.max(blockBytes, Math.ceil(bytes / blockBytes) * blockBytes)
    const start = this.recent.get(size)?.pop() ?? this.carve(size)
    if (start === undefined) return undefined
    this.taken.set(start, size)
    this.used += size
    return start
  }

  /** Releases a block. It is not merged with its neighbours yet, because a block of its size may be needed soon. */
  give(start: number): void {
    const size = this.taken.get(start)
    if (size === undefined) return
    this.taken.delete(start)
    this.used -= size
    const same = this.recent.get(size)
    if (same) same.push(start)
    else this.recent.set(size, [start])
  }

  /** Cuts a block out of the merged ones; recent ones are merged before memory is used that never was before. */
  private carve(size: number): number | undefined {
    let start = this.find(size)
    if (this.recent.size > 0 && (start === undefined || start + size > this.reached)) {
      for (const [freed, starts] of this.recent) for (const each of starts) this.merge(each, freed)
      this.recent.clear()
      start = this.find(size)
    }
    if (start === undefined) return undefined
    const found = this.free.get(start) as number
    this.forget(start, found)
    if (found > size) this.release(start + size, found - size)
    this.reached = Math.max(this.reached, start + size)
    return start
  }

  private merge(start: number, size: number): void {
    const after = this.free.get(start + size)
    if (after !== undefined) {
      this.forget(start + size, after)
      size += after
    }
    const before = this.freeEnds.get(start)
    if (before !== undefined) {
      this.forget(before, start - before)
      size += start - before
      start = before
    }
    this.release(start, size)
  }

  private find(size: number): number | undefined {
    const own = binOf(size)
    for (const start of this.bins[own] as Set<number>) if ((this.free.get(start) as number) >= size) return start
    for (let bin = own + 1; bin < this.bins.length; bin++)
      for (const start of this.bins[bin] as Set<number>) return start
    return undefined
  }

  private release(start: number, size: number): void {
    this.free.set(start, size)
    this.freeEnds.set(start + size, start)
    this.bins[binOf(size)]?.add(start)
  }

  private forget(start: number, size: number): void {
    this.free.delete(start)
    this.freeEnds.delete(start + size)
    this.bins[binOf(size)]?.delete(start)
  }
}

/** Four bins for each power of two. */
function binOf(size: number): number {
  const power = 31 - Math.clz32(size / blockBytes)
  return power * 4 + Math.floor((size / (blockBytes * 2 ** power) - 1) * 4)
}
