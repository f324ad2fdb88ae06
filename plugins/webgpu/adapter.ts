import type {} from 'webgpu'
import { messageOf } from '../../core/errors.ts'
import { nameOf } from './adapter-name.ts'
import { error } from './errors.ts'
import type { Dawn } from './packages.ts'
import type { Ticks } from './ticks.ts'

export interface Adapter {
  readonly adapter: GPUAdapter
  /** The name that the driver reports. */
  readonly name: string
  /** False for an implementation on the processor, such as SwiftShader or llvmpipe. */
  readonly hardware: boolean
}

/** The fastest adapter of this machine. @throws ARCHLOOM_WEBGPU_NO_ADAPTER */
export async function findAdapter(gpu: GPU, ticks: Ticks): Promise<Adapter> {
  let adapter: GPUAdapter | null
  try {
    adapter = await ticks.during(() => gpu.requestAdapter({ powerPreference: 'high-performance' }))
  } catch (thrown) {
    throw error('ARCHLOOM_WEBGPU_NO_ADAPTER', { reason: messageOf(thrown) }, { cause: thrown })
  }
  if (!adapter)
    throw error('ARCHLOOM_WEBGPU_NO_ADAPTER', { reason: `no driver on ${process.platform} answered with an adapter` })
  return { adapter, ...nameOf(adapter) }
}

/** The globals of a browser: `navigator.gpu` and the WebGPU classes and constants, which tfjs reads as globals. */
export function installGlobals(dawn: Dawn, gpu: GPU): void {
  for (const [name, value] of Object.entries(dawn.globals))
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  // Node 20 has no navigator; later versions have one with these fields and more.
  if (!('navigator' in globalThis))
    Object.defineProperty(globalThis, 'navigator', {
      value: { userAgent: `Node.js/${process.versions.node.split('.')[0]}` },
      configurable: true,
      writable: true,
    })
  Object.defineProperty((globalThis as unknown as { navigator: object }).navigator, 'gpu', {
    value: gpu,
    configurable: true,
    writable: true,
  })
}

/** A device with the adapter's own limits instead of WebGPU's small defaults. */
export function requestDevice({ adapter }: Adapter, ticks: Ticks): Promise<GPUDevice> {
  const limits = Object.fromEntries(usedLimits.map((name) => [name, adapter.limits[name]]))
  const requiredFeatures: GPUFeatureName[] = adapter.features.has('timestamp-query') ? ['timestamp-query'] : []
  return ticks.during(() => adapter.requestDevice({ requiredFeatures, requiredLimits: limits as never }))
}

/** The limits that tfjs's kernels can exceed. */
const usedLimits = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const satisfies readonly (keyof GPUSupportedLimits)[]
