import { platform } from '#tensor-platform'
import type { EngineDefinition } from '../engine-definition.ts'
import { mendCpu, mendedOnCpu } from '../mends/pooling.ts'

/**
 * The plain JavaScript kernels of tfjs. They run everywhere and serve for tiny tensors and as the reference in tests.
 */
export const engine: EngineDefinition = {
  name: 'cpu',
  describe: 'plain JavaScript kernels of tfjs, one thread',
  priority: 0,
  threads: 1,
  mendedKernels: mendedOnCpu,
  available: async () => ({ ok: true, version: platform.versionOf('@tensorflow/tfjs-core') }),
  start: async () => {
    await import('#tfjs-backend-cpu')
    mendCpu()
  },
}
