import type {} from 'webgpu'

/** Names under which implementations on the processor are known, for drivers that do not declare themselves. */
const software = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i

/** The name that a driver reports, and whether it is one of hardware. */
export function nameOf({ info }: Pick<GPUAdapter, 'info'>): { readonly name: string; readonly hardware: boolean } {
  const { vendor, architecture, device, description, isFallbackAdapter } = info
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed adapter'
  return { name, hardware: !isFallbackAdapter && !software.test(`${name} ${architecture}`) }
}
