import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('onnxruntime', {
  ARCHLOOM_ONNXRUNTIME_PLATFORM: (d: { platform: string; supported: readonly string[] }) =>
    `onnxruntime-node ships no native library for ${d.platform} (it has ${d.supported.join(', ') || 'none'}); choose the engine "wasm" here.`,
  ARCHLOOM_ONNXRUNTIME_BINDING_MOVED: (d: { version: string; missing: string }) =>
    `onnxruntime-node ${d.version} no longer has ${d.missing}, which the synchronous calls of this engine need; install a version of 1.30, or choose another engine.`,
  ARCHLOOM_ONNXRUNTIME_GRAPH: (d: { key: string; reason: string }) =>
    `ONNX Runtime refused the graph of ${quote(d.key)}: ${d.reason}. Please report this with the shapes; the engine "wasm" can run it meanwhile.`,
  ARCHLOOM_ONNXRUNTIME_KERNEL: (d: { kernel: string; inputs: readonly string[] }) =>
    `the kernel ${d.kernel} does not take ${d.inputs.join(', ')}; it computes on non-empty float32 tensors.`,
  ARCHLOOM_ONNXRUNTIME_PRECISION: (d: { received: string }) =>
    `ARCHLOOM_PRECISION is ${quote(d.received)}, expected "exact" or "fast"; correct it, or unset it to compute exactly.`,
  ARCHLOOM_ONNXRUNTIME_MEMORY_FULL: (d: { bytes: number; used: number }) =>
    `the onnxruntime engine could not allocate ${d.bytes} bytes in addition to the ${d.used} in use; dispose tensors, or make the batch smaller.`,
})
