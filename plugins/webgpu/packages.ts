import { createRequire } from 'node:module'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

export type Dawn = typeof import('webgpu')
export type Kernels = typeof import('@tensorflow/tfjs-backend-webgpu')

/** Imports a module by name; a parameter, so that a test can simulate a missing one. */
export type Importer = (name: string) => Promise<unknown>

export const importPackage: Importer = (name) => import(name)

/** Dawn for Node, and tfjs's kernels on it. */
export const packages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const

/**
 * Both packages. Importing the kernels registers them for the backend `webgpu`. @throws ARCHLOOM_WEBGPU_PACKAGE_MISSING
 */
export async function loadPackages(load: Importer): Promise<{ dawn: Dawn; kernels: Kernels }> {
  const missing: string[] = []
  const reasons: string[] = []
  const open = async (name: string): Promise<unknown> => {
    try {
      return await load(name)
    } catch (thrown) {
      missing.push(name)
      reasons.push(firstLine(messageOf(thrown)))
      return undefined
    }
  }
  const dawn = (await open(packages[0])) as Dawn
  const kernels = (await open(packages[1])) as Kernels
  if (missing.length > 0)
    throw error('ARCHLOOM_WEBGPU_PACKAGE_MISSING', { packages: missing, reason: reasons.join('; ') })
  return { dawn, kernels }
}

/** Version of an installed package, or '?' if its package.json cannot be found. */
export function versionOf(name: string): string {
  try {
    const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string }
    return version
  } catch {
    return '?'
  }
}

const firstLine = (text: string): string => text.split('\n')[0] as string
