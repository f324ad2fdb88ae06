import type { EngineDefinition } from '../engine-definition.ts'
import { mendedOnWasm, mendWasm } from '../mends/wasm.ts'
import { versionOf } from './version.ts'

/** tfjs's WebAssembly kernels (XNNPACK): fast forward, and trainable with our fill-ins. */
export const engine: EngineDefinition = {
  name: 'wasm',
  describe: 'WebAssembly kernels of tfjs (XNNPACK with SIMD), one thread',
  priority: 10,
  threads: 1,
  // Written as plain loops in the stock package, some ten times slower than its forward kernels.
  slowKernels: ['BatchMatMul', 'Conv2DBackpropInput'],
  mendedKernels: mendedOnWasm,
  available: async () => ({ ok: true, version: versionOf('@tensorflow/tfjs-backend-wasm') }),
  start: async () => {
    // Its kernels take over where those of wasm lose a value.
    await import('@tensorflow/tfjs-backend-cpu')
    await import('@tensorflow/tfjs-backend-wasm')
    mendWasm()
  },
}
