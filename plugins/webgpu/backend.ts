import * as tf from '@tensorflow/tfjs-core'
import { messageOf } from '../../core/errors.ts'
import { sweepFreeBuffers } from './buffer-sweep.ts'
import type { DeviceWatch } from './device-watch.ts'
import { error } from './errors.ts'
import type { Kernels } from './packages.ts'
import { mendShader } from './shader-mends.ts'
import type { Ticks } from './ticks.ts'

type Backend = InstanceType<Kernels['WebGPUBackend']>
type Values = ReturnType<Backend['readSync']>

/**
 * tfjs's WebGPU backend with what Node needs: synchronous reads (the stock ones go through a canvas), failures of the
 * device as errors, reads that outlive their tensor, and a bound on the memory that is kept for reuse.
 */
export function createBackend(
  { WebGPUBackend }: Kernels,
  device: GPUDevice,
  info: GPUAdapterInfo,
  watch: DeviceWatch,
  ticks: Ticks,
): Backend {
  const largest = device.limits.maxStorageBufferBindingSize
  const copyTarget = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ

  class NodeBackend extends WebGPUBackend {
    private readonly sweep = sweepFreeBuffers(this.bufferManager)

    override runWebGPUProgram(...[program, ...rest]: Parameters<Backend['runWebGPUProgram']>): tf.TensorInfo {
      watch.check()
      return super.runWebGPUProgram(mendShader(program), ...rest)
    }

    override uploadToGPU(dataId: object): void {
      const { shape, resource } = this.tensorMap.get(dataId)
      const bytes = 4 * tf.util.sizeFromShape(shape)
      if (!resource && bytes > largest)
        throw error('ARCHLOOM_WEBGPU_TENSOR_TOO_LARGE', { adapter: watch.adapter, shape, bytes, limit: largest })
      super.uploadToGPU(dataId)
    }

    override submitQueue(): void {
      super.submitQueue()
      this.sweep()
    }

    override readSync(dataId: object): Values {
      const stored = this.tensorMap.get(dataId)
      if (!isOnDevice(stored)) return super.readSync(dataId)
      stored.values = valuesOf(this.copyOut(stored.resource), stored.dtype)
      return stored.values
    }

    override async read(dataId: object): Promise<Values> {
      const stored = this.tensorMap.get(dataId)
      if (!isOnDevice(stored)) return super.read(dataId)
      const values = valuesOf(await this.getBufferData(stored.resource), stored.dtype)
      // Its tensor may have been disposed by now, which does not affect the read.
      stored.values = values
      return values
    }

    override async getBufferData(buffer: GPUBuffer): Promise<ArrayBuffer> {
      watch.check()
      const pending = ticks.during(() => super.getBufferData(buffer))
      const bytes = await pending.catch((thrown: unknown) => {
        throw watch.lose(`it did not serve a read (${messageOf(thrown) || 'aborted'})`)
      })
      watch.check()
      return bytes
    }

    override dispose(): void {
      super.dispose()
      device.destroy()
    }

    /** Waits synchronously for the bytes of a buffer. */
    private copyOut(buffer: GPUBuffer): ArrayBuffer {
      watch.check()
      this.endComputePassEncoder()
      this.ensureCommandEncoderReady()
      this.submitQueue()
      const staging = this.bufferManager.acquireBuffer(buffer.size, copyTarget)
      const encoder = device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size)
      device.queue.submit([encoder.finish()])
      // The promise carries no more information than mapState.
      ticks.during(() => staging.mapAsync(GPUMapMode.READ)).catch(() => {})
      for (let turn = 0; staging.mapState === 'pending'; turn++) {
        if (!ticks.run()) throw error('ARCHLOOM_WEBGPU_READ_BLOCKED', { state: staging.mapState })
        // A long wait yields the core, on which a software GPU may run.
        if (turn > 1000) Atomics.wait(nothing, 0, 0, 0.05)
      }
      watch.check()
      if (staging.mapState !== 'mapped') throw watch.lose('it did not serve a read')
      const bytes = staging.getMappedRange().slice(0)
      staging.unmap()
      this.bufferManager.releaseBuffer(staging)
      return bytes
    }
  }
  return new NodeBackend(device, info)
}

/** Never notified. */
const nothing = new Int32Array(new SharedArrayBuffer(4))

type Stored = ReturnType<Backend['tensorMap']['get']>

const isOnDevice = (stored: Stored): stored is Stored & { resource: GPUBuffer } =>
  stored.values == null && stored.dtype !== 'string' && stored.dtype !== 'complex64'

/** 32-bit values in the types of tfjs, where booleans are bytes. */
function valuesOf(bytes: ArrayBuffer, dtype: tf.DataType): Values {
  if (dtype === 'float32') return new Float32Array(bytes)
  return dtype === 'int32' ? new Int32Array(bytes) : Uint8Array.from(new Int32Array(bytes))
}
