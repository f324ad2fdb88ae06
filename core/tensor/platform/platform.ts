import type { ProbeAnswer } from '../probe.ts'

/** What the tensor room needs of the platform it runs on. Node and browsers each have one: `#tensor-platform`. */
export interface TensorPlatform {
  /** Engines that plugins of this package bring and that may run here. Importing one is cheap until it is started. */
  readonly engineModules: readonly { readonly name: string; readonly load: () => Promise<unknown> }[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Number of cores. */
  readonly cores: number
  readonly machine: {
    readonly platform: string
    readonly cpu: string
    readonly cores: number
    readonly memoryGiB: number
    readonly node: string
  }
  /** The version of an installed package, read without loading it. */
  versionOf(packageName: string): string
  warn(message: string, code: string): void
  /** Remembers the listeners for uncaught errors, and returns a function that removes those added since. */
  rememberListeners(): () => void
  /** The bytes of a file; in a browser, of an address. */
  readFile(file: string): Promise<Uint8Array>
  /** Writes a file completely or not at all. */
  replaceFile(file: string, data: Uint8Array): Promise<void>
  /** Measures an engine in a process of its own. Throws where that process fails, with the reason as message. */
  probe(name: string, timeoutMs: number): Promise<ProbeAnswer>
}
