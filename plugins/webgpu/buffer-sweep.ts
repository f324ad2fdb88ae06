import type {} from 'webgpu'
import type { Kernels } from './packages.ts'

type BufferManager = InstanceType<Kernels['WebGPUBackend']>['bufferManager']

/** What tfjs keeps private: free buffers by `size_usage`, each waiting for a request of exactly its size. */
interface Pool {
  readonly freeBuffers: Map<string, GPUBuffer[]>
  numFreeBuffers: number
}

/** Submissions over which the need of memory is observed. */
const period = 256
/** Bytes in free buffers that are always allowed. */
const spare = 64 * 2 ** 20

/**
 * tfjs never gives a buffer back to the device, so a search that meets new tensor sizes at every step would fill it.
 * The function returned is called after each submission: where the device holds more than twice what the tensors have
 * lately needed, it destroys free buffers, those of the sizes that were longest not asked for first.
 */
export function sweepFreeBuffers(buffers: BufferManager): () => void {
  const pool = buffers as unknown as Pool
  /** Sizes, the least recently asked for first. */
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
      // The list stays: buffers of this size that are in use come back to it.
      free.length = 0
      asked.delete(key)
    }
  }
}
