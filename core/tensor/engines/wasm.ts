import type { EngineDefinition } from '../engine-definition.ts'
import { versionOf } from './version.ts'

/** tfjs's WebAssembly kernels (XNNPACK): fast forward, and trainable with our fill-ins. */
export const engine: EngineDefinition = {
  name: 'wasm',
  describe: 'WebAssembly kernels of tfjs (XNNPACK with SIMD), one thread',
  priority: 10,
  threads: 1,
  // Written as plain loops in the stock package, some ten times slower than its forward kernels.
  slowKernels: ['BatchMatMul', 'Conv2DBackpropInput'],
  available: async () => ({ ok: true, version: versionOf('@tensorflow/tfjs-backend-wasm') }),
  start: async () => {
    await import('@tensorflow/tfjs-backend-wasm')
  },
}
