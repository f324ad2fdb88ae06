import { ArchloomError } from '../../core/errors.ts'
import type { EngineDefinition } from '../../core/tensor/engine.ts'
import { installGradients } from '../../core/tensor/gradients/index.ts'
import { threadsWanted } from '../../core/tensor/threads.ts'
import { mendKernels } from './kernels.ts'
import { findInstallation, hasGpuPackage, loadPackage, searchFolders } from './package.ts'

export { buildFromWheel, type WheelOptions } from './from-wheel.ts'
export { wheelFolder } from './package.ts'

/** The engine, with packages from these folders. */
export function tensorflowEngine(folders: () => readonly string[] = searchFolders): EngineDefinition {
  return {
    name: 'tensorflow',
    describe: 'the TensorFlow library through tfjs-node: CUDA with tfjs-node-gpu, else all cores of the processor',
    get priority() {
      return hasGpuPackage(folders()) ? 70 : 20
    },
    get onDevice() {
      return hasGpuPackage(folders())
    },
    get threads() {
      return threadsWanted()
    },
    available: async () => {
      try {
        const { packageName, version, libraryVersion, gpu } = findInstallation(folders())
        const where = gpu ? 'CUDA' : 'the processor'
        // The package with CUDA falls back to the processor automatically if it finds no GPU.
        const standIn = !gpu && packageName === '@tensorflow/tfjs-node-gpu' ? { hardware: false } : {}
        return { ok: true, version: `${packageName} ${version}, TensorFlow ${libraryVersion} on ${where}`, ...standIn }
      } catch (thrown) {
        if (!ArchloomError.is(thrown)) throw thrown
        const text = thrown.message.slice(thrown.code.length + 2)
        const end = text.lastIndexOf('. Run ')
        return { ok: false, reason: text.slice(0, end), remedy: text.slice(end + 2) }
      }
    },
    start: async () => {
      const installation = findInstallation(folders())
      await import('#tfjs-backend-cpu')
      loadPackage(installation)
      // Loading the package has replaced archloom's gradients by those of tfjs, some of which are wrong.
      installGradients()
      mendKernels()
    },
  }
}

export const engine: EngineDefinition = tensorflowEngine()
