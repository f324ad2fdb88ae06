import { defineErrors, quote } from '../../core/errors.ts'

const resume = 'Start a new process and resume the study from its journal'

export const error = defineErrors('webgpu', {
  ARCHLOOM_WEBGPU_PACKAGE_MISSING: (d: { packages: readonly string[]; reason: string }) =>
    `the WebGPU engine needs ${d.packages.map((name) => quote(name)).join(' and ')}, which cannot be loaded: ${d.reason}. Run \`npm install ${d.packages.join(' ')}\`, or choose another engine.`,
  ARCHLOOM_WEBGPU_NO_ADAPTER: (d: { reason: string }) =>
    `Dawn found no GPU: ${d.reason}. Install the driver of the GPU (on Linux its Vulkan driver and libvulkan1), or choose another engine.`,
  ARCHLOOM_WEBGPU_DEVICE_LOST: (d: { adapter: string; reason: string }) =>
    `the GPU ${quote(d.adapter)} was lost: ${d.reason}. Every tensor on it is gone. ${resume}, with smaller batches if its memory ran out.`,
  ARCHLOOM_WEBGPU_DEVICE_ERROR: (d: { adapter: string; reason: string }) =>
    `the GPU ${quote(d.adapter)} refused a command: ${d.reason}. Results from here on would be wrong, so none are given. ${resume}, with smaller batches if its memory ran out.`,
  ARCHLOOM_WEBGPU_TENSOR_TOO_LARGE: (d: { adapter: string; shape: readonly number[]; bytes: number; limit: number }) =>
    `a tensor of shape [${d.shape.join(', ')}] takes ${d.bytes} bytes, and the GPU ${quote(d.adapter)} can bind at most ${d.limit} at once. Use smaller batches or fewer channels.`,
  ARCHLOOM_WEBGPU_READ_BLOCKED: (d: { state: string }) =>
    `a synchronous read cannot be served: the buffer is ${quote(d.state)} and Dawn has no pending tick. This version of the package "webgpu" waits in a different way; read with \`await tensor.data()\`, or install webgpu@0.6.`,
})
