/** The `onnxruntime` engine: native speed from plain npm packages. */
import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { EngineDefinition } from '../../core/tensor/engine.ts'
import { loadBinding } from './binding.ts'
import { defaultThreads } from './threads.ts'

export const engine: EngineDefinition = {
  name: 'onnxruntime',
  describe: 'ONNX Runtime native CPU kernels, called synchronously',
  // Before webgpu: its speed on a GPU has not been measured yet, and asking Dawn for an adapter is not free. Name it to use it.
  priority: 65,
  threads: defaultThreads(),
  available: async () => {
    try {
      return { ok: true, version: loadBinding().version }
    } catch (thrown) {
      const [reason = '', remedy = ''] = messageOf(thrown).split('; ')
      if (ArchloomError.is(thrown)) return { ok: false, reason, remedy }
      throw thrown
    }
  },
  start: async () => {
    const { start } = await import('./start.ts')
    start()
  },
}
