import type {} from 'webgpu'
import type { Kernels } from './packages.ts'

type BufferManager = InstanceType<Kernels['WebGPUBackend']>['bufferManager']

/** Private state of tfjs: free buffers by `size_usage`, each waiting for a request of exactly its size. */
interface Pool {
  readonly freeBuffers: Map<string, GPUBuffer[]>
  numFreeBuffers: number
}

/** Number of submissions over which the need of memory is observed. */
const period = 256
/** Bytes in free buffers that are always allowed. */
const spare = 64 * 2 ** 20

/**
 * tfjs never returns a buffer to the device, so a search with new tensor sizes at every step would fill it. The
 * returned function is called after each submission. If the device holds more than twice the memory that the tensors
 * needed recently, it destroys free buffers, beginning with the sizes that were requested least recently.
 */
export function sweepFreeBuffers(buffers: BufferManager): () => void {
  const pool = buffers as unknown as Pool
  /** Sizes, the least recently requested first. */
  const asked = new Set<string>()
  const acquire = buffers.acquireBuffer.bind(buffers)
  let [peak, earlierPeak, submissions] = [0, 0, 0]
  buffers.acquireBuffer = (size, usage, ...rest) => {
    const key = `${size}_${usage}`
    asked.delete(key)
    asked.add(key)
    const buffer = acquire(size, usage, ...rest)
    peak = Math.max(peak, buffers.numBytesUsed)
    return buffer
  }
  return () => {
    if (++submissions % period === 0) [earlierPeak, peak] = [peak, buffers.numBytesUsed]
    const allowed = 2 * Math.max(peak, earlierPeak) + spare
    for (const key of asked) {
      if (buffers.numBytesAllocated <= allowed) return
      const free = pool.freeBuffers.get(key) ?? []
      for (const buffer of free) {
        buffers.numBytesAllocated -= buffer.size
        buffer.destroy()
      }
      pool.numFreeBuffers -= free.length
      // The list is kept, because buffers of this size that are in use return to it.
      free.length = 0
      asked.delete(key)
    }
  }
}
