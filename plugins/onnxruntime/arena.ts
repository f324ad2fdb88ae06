/**
 * All numbers of the engine live in one WebAssembly memory, so that the WebAssembly kernels and ONNX Runtime work on the
 * same bytes. The memory reserves addresses only; pages are touched when used, and blocks freed are used again, so
 * resident memory follows the largest step, not the number of steps. Blocks are multiples of 64 bytes (one cache line,
 * sixteen floats): kernels may run over the end of an array up to the end of its block.
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
  /** Bytes in use. */
  used = 0

  /** @param pages of 64 KiB; 65536 are the 4 GiB a WebAssembly memory can address. */
  constructor(pages = 65_536) {
    this.memory = new webAssembly.Memory({ initial: pages, maximum: pages })
    this.buffer = this.memory.buffer
    // The first block stays unused: address 0 means "none".
    this.release(blockBytes, pages * 65_536 - blockBytes)
  }

  /** Address of a block of at least so many bytes, or undefined when the arena is full. */
  take(bytes: number): number | undefined {
    const size = Math.max(blockBytes, Math.ceil(bytes / blockBytes) * blockBytes)
    const start = this.find(size)
    if (start === undefined) return undefined
    const found = this.free.get(start) as number
    this.forget(start, found)
    if (found > size) this.release(start + size, found - size)
    this.taken.set(start, size)
    this.used += size
    return start
  }

  /** Gives a block back; neighbours that are free grow together with it. */
  give(start: number): void {
    let size = this.taken.get(start)
    if (size === undefined) return
    this.taken.delete(start)
    this.used -= size
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
