/** The `onnxruntime` engine: native speed from plain npm packages. */

import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { EngineDefinition } from '../../core/tensor/engine.ts'
import { threadsWanted } from '../../core/tensor/threads.ts'
import { loadBinding } from './binding.ts'

export const engine: EngineDefinition = {
  name: 'onnxruntime',
  describe: 'ONNX Runtime native CPU kernels, called synchronously',
  // This engine ranks before webgpu, whose speed on a GPU has not been measured and whose adapter takes time to
  // request.
  priority: 65,
  ships: true,
  get threads() {
    return threadsWanted()
  },
  available: async () => {
    try {
      return { ok: true, version: loadBinding().version }
    } catch (thrown) {
      if (!ArchloomError.is(thrown)) throw thrown
      const text = messageOf(thrown)
      const end = text.lastIndexOf('; ')
      const [first = '', ...rest] = text.slice(end + 2)
      return { ok: false, reason: text.slice(0, end), remedy: first.toUpperCase() + rest.join('') }
    }
  },
  start: async () => {
    const { start } = await import('./start.ts')
    start()
  },
}
