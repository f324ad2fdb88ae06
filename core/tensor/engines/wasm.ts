import { platform } from '#tensor-platform'
import type { EngineDefinition } from '../engine-definition.ts'
import { mendedOnWasm, mendWasm } from '../mends/wasm.ts'
import { refuseFullMemory } from '../possible-shapes.ts'

let filesAt: string | Readonly<Record<string, string>> | undefined

/**
 * Says where a page finds the three `.wasm` files of this package's `dist/vendor`: the address of their folder, with
 * a slash at its end, or the address of each by the name of the file. Default: beside the script. Call it before
 * `useEngine`. A program in Node does not need it.
 */
export function wasmFilesAt(addresses: string | Readonly<Record<string, string>>): void {
  filesAt = addresses
}

/** The WebAssembly kernels of tfjs (XNNPACK). The forward pass is fast; training uses the fill-ins of this package. */
export const engine: EngineDefinition = {
  name: 'wasm',
  describe: 'WebAssembly kernels of tfjs (XNNPACK with SIMD), one thread',
  priority: 10,
  threads: 1,
  // The package implements these as plain loops, about ten times slower than its forward kernels.
  slowKernels: ['BatchMatMul', 'Conv2DBackpropInput'],
  mendedKernels: mendedOnWasm,
  available: async () => ({ ok: true, version: platform.versionOf('@tensorflow/tfjs-core') }),
  start: async () => {
    // The cpu kernels replace wasm kernels where those give wrong values.
    await import('#tfjs-backend-cpu')
    const { BackendWasm, setWasmPaths } = await import('#tfjs-backend-wasm')
    if (filesAt !== undefined) setWasmPaths(filesAt as Parameters<typeof setWasmPaths>[0])
    refuseFullMemory(BackendWasm)
    mendWasm()
  },
}
