import * as tf from '@tensorflow/tfjs-core'
import type {} from 'webgpu'
import { ArchloomError } from '../../core/errors.ts'
import type { EngineDefinition } from '../../core/tensor/engine.ts'
import { type Adapter, findAdapter, installGlobals, requestDevice } from './adapter.ts'
import { createBackend } from './backend.ts'
import { DeviceWatch } from './device-watch.ts'
import { mendKernels } from './kernels.ts'
import { type Importer, importPackage, type Kernels, loadPackages, versionOf } from './packages.ts'
import { Ticks } from './ticks.ts'

export { browserWebgpu } from './browser.ts'
export { mistaken } from './kernels.ts'

interface Opened {
  readonly gpu: GPU
  readonly first: Adapter
  readonly kernels: Kernels
  readonly ticks: Ticks
}

/** The engine, with the packages that `load` returns. */
export function webgpuEngine(load: Importer = importPackage): EngineDefinition {
  let opening: Promise<Opened> | undefined
  // One Dawn instance per process, because each has its own threads.
  const open = (): Promise<Opened> => {
    opening ??= (async () => {
      const { dawn, kernels } = await loadPackages(load)
      const ticks = new Ticks()
      const gpu = dawn.create([])
      installGlobals(dawn, gpu)
      return { gpu, first: await findAdapter(gpu, ticks), kernels, ticks }
    })()
    return opening
  }
  return {
    name: 'webgpu',
    describe: 'a GPU through WebGPU (Dawn), Vulkan, Metal or Direct3D 12',
    priority: 60,
    onDevice: true,
    available: async () => {
      try {
        const { name, hardware } = (await open()).first
        const version = `webgpu ${versionOf('webgpu')} on ${name}`
        return { ok: true, version, hardware }
      } catch (thrown) {
        opening = undefined
        return { ok: false, ...explain(thrown) }
      }
    },
    start: async () => {
      const opened = await open()
      await import('#tfjs-backend-cpu')
      // If navigator.gpu existed at import, the package of the kernels has registered its own backend.
      if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu')
      tf.registerBackend('webgpu', () => startBackend(opened))
      mendKernels()
    },
  }
}

async function startBackend({ gpu, kernels, ticks }: Opened): Promise<tf.KernelBackend> {
  // An adapter gives one device, and tfjs may start a backend again.
  const found = await findAdapter(gpu, ticks)
  const device = await requestDevice(found, ticks)
  return createBackend(kernels, device, found.adapter.info, new DeviceWatch(device, found.name), ticks)
}

/**
 * The reason and the remedy of one of archloom's errors, without its code and last sentence, which appear elsewhere.
 */
function explain(thrown: unknown): { reason: string; remedy: string } {
  if (!ArchloomError.is(thrown)) return { reason: String(thrown), remedy: 'Choose another engine.' }
  const text = thrown.message.slice(thrown.code.length + 2)
  const end = text.lastIndexOf('. ', text.length - 2)
  return { reason: text.slice(0, end), remedy: text.slice(end + 2) }
}

export const engine: EngineDefinition = webgpuEngine()
