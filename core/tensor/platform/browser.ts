import { version_core } from '@tensorflow/tfjs-core'
import { error } from '../errors.ts'
import type { TensorPlatform } from './platform.ts'

/** The globals of pages and workers that are used here. */
const page = globalThis as {
  readonly navigator?: { readonly hardwareConcurrency?: number; readonly userAgent?: string }
  readonly reportError?: (thrown: unknown) => void
}
const { hardwareConcurrency: cores = 1, userAgent = 'unknown' } = page.navigator ?? {}

export const platform: TensorPlatform = {
  engineModules: [],
  environment: {},
  cores,
  machine: { platform: 'browser', cpu: 'unknown', cores, memoryGiB: 0, node: userAgent },
  // The packages of tfjs are released together, under one number.
  versionOf: () => version_core,
  warn: (message, code) => page.reportError?.(new Error(`${code}: ${message}`)),
  rememberListeners: () => () => {},
  async readFile(file) {
    const response = await fetch(file)
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`)
    return new Uint8Array(await response.arrayBuffer())
  },
  replaceFile: async (file) => {
    throw error('ARCHLOOM_TENSOR_BROWSER', {
      what: `to write ${file}`,
      remedy: 'Take the bytes of encodeSafetensors() and offer them as a download.',
    })
  },
  probe: async () => {
    throw new Error('a browser starts no processes')
  },
}
