import type { EngineDefinition } from '../engine.ts'

/** tfjs's own JavaScript kernels: runs everywhere, for tiny tensors and as the reference of tests. */
export const engine: EngineDefinition = {
  name: 'cpu',
  describe: 'plain JavaScript kernels of tfjs, one thread',
  priority: 0,
  threads: 1,
  available: async () => {
    const { version_cpu: version } = await import('@tensorflow/tfjs-backend-cpu')
    return { ok: true, version }
  },
  start: async () => {
    await import('@tensorflow/tfjs-backend-cpu')
  },
}
