import type {} from 'webgpu'
import { platform } from '#tensor-platform'
import { messageOf } from '../../core/errors.ts'
import type { EngineDefinition } from '../../core/tensor/engine.ts'
import { nameOf } from './adapter-name.ts'
import { mendKernels } from './kernels.ts'
import type { Kernels } from './packages.ts'
import { mendShader } from './shader-mends.ts'

/**
 * The WebGPU of a browser as an engine: `registerEngine(browserWebgpu(() => import('@tensorflow/tfjs-backend-webgpu')))`. 'auto'
 * does not choose it, because its speed on small networks has not been measured. Tensors that are read at once (`dataSync`) go
 * through a canvas, which is slow and which not every adapter supports: use `await tensor.data()`.
 */
export function browserWebgpu(load: () => Promise<Kernels>): EngineDefinition {
  return {
    name: 'webgpu',
    describe: 'the GPU of this device, through the WebGPU of the browser',
    priority: 5,
    onDevice: true,
    available: async () => {
      const { gpu } = (globalThis as { navigator?: { gpu?: GPU } }).navigator ?? {}
      const remedy = 'Choose another engine.'
      if (!gpu) return { ok: false, reason: 'this browser offers no WebGPU to this page', remedy }
      const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
      if (!adapter) return { ok: false, reason: 'this browser found no adapter for WebGPU', remedy }
      const { name, hardware } = nameOf(adapter)
      return { ok: true, version: `${platform.versionOf('@tensorflow/tfjs-backend-webgpu')} on ${name}`, hardware }
    },
    start: async () => {
      await import('#tfjs-backend-cpu')
      let kernels: Kernels
      try {
        kernels = await load()
      } catch (cause) {
        throw new Error(`@tensorflow/tfjs-backend-webgpu cannot be loaded: ${messageOf(cause)}`, { cause })
      }
      // The package has registered its backend as it was loaded.
      const { prototype } = kernels.WebGPUBackend
      const { runWebGPUProgram } = prototype
      prototype.runWebGPUProgram = function (program, ...rest) {
        // Says once that synchronous reads are slow.
        Reflect.set(this, 'hasReadSyncWarned', true)
        return runWebGPUProgram.call(this, mendShader(program), ...rest)
      }
      mendKernels()
    },
  }
}
