import type {} from 'webgpu'
import type { Kernels } from './packages.ts'

type BufferManager = InstanceType<Kernels['WebGPUBackend']>['bufferManager']

/** What tfjs keeps private: free buffers by `size_usage`, each waiting for a request of exactly its size. */
interface Pool {
  readonly freeBuffers: Map<string, GPUBuffer[]>
  numFreeBuffers: number
}

export interface SweepOptions {
  /** Submissions between two sweeps, at least. */
  readonly every?: number
  /** Bytes in free buffers below which nothing is freed. */
  readonly spare?: number
}

/**
 * tfjs never gives a buffer back to the device, so a search that meets new tensor sizes at every step would fill it.
 * The function returned is called after each submission; from time to time, when the free buffers hold more than the
 * tensors have needed, it destroys those of sizes that nobody asked for since the sweep before.
 */
export function sweepFreeBuffers(buffers: BufferManager, options: SweepOptions = {}): () => void {
  const { every = 256, spare = 64 * 2 ** 20 } = options
  const pool = buffers as unknown as Pool
  const asked = new Set<string>()
  const acquire = buffers.acquireBuffer.bind(buffers)
  let peak = 0
  buffers.acquireBuffer = (size, usage, ...rest) => {
    asked.add(`${size}_${usage}`)
    const buffer = acquire(size, usage, ...rest)
    peak = Math.max(peak, buffers.numBytesUsed)
    return buffer
  }
  let submissions = 0
  return () => {
    if (++submissions < every || buffers.numBytesAllocated <= 2 * peak + spare) return
    for (const [size, free] of pool.freeBuffers) {
      if (asked.has(size)) continue
      for (const buffer of free) {
        buffers.numBytesAllocated -= buffer.size
        buffer.destroy()
      }
      pool.numFreeBuffers -= free.length
      free.length = 0
    }
    asked.clear()
    submissions = 0
    peak = buffers.numBytesUsed
  }
}
