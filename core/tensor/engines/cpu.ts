import type { EngineDefinition } from '../engine-definition.ts'
import { mendCpu, mendedOnCpu } from '../mends/pooling.ts'
import { versionOf } from './version.ts'

/** tfjs's own JavaScript kernels: runs everywhere, for tiny tensors and as the reference of tests. */
export const engine: EngineDefinition = {
  name: 'cpu',
  describe: 'plain JavaScript kernels of tfjs, one thread',
  priority: 0,
  threads: 1,
  mendedKernels: mendedOnCpu,
  available: async () => ({ ok: true, version: versionOf('@tensorflow/tfjs-backend-cpu') }),
  start: async () => {
    await import('@tensorflow/tfjs-backend-cpu')
    mendCpu()
  },
}
