export type Availability =
  /** `hardware: false` marks a substitute such as a software GPU. It can be chosen by name, but `auto` skips it. */
  | { readonly ok: true; readonly version: string; readonly hardware?: boolean }
  | { readonly ok: false; readonly reason: string; readonly remedy: string }

/** A tfjs backend that can be chosen by name. Plugins export one as `engine`. */
export interface EngineDefinition {
  /** Also the name of the tfjs backend. */
  readonly name: string
  readonly describe: string
  /** `auto` chooses the available engine with the highest priority. */
  readonly priority: number
  readonly threads?: number
  /** Whether it computes on a device of its own, so that processor time does not measure its speed. */
  readonly onDevice?: boolean
  /** Whether it comes with this package. If 'auto' has to skip it, a warning says why. */
  readonly ships?: boolean
  /** Kernels that exist but are slower than a composition of others. Fill-ins of these names replace them. */
  readonly slowKernels?: readonly string[]
  /** Kernels that `start` replaces because those of the package are wrong; listed in reports. */
  readonly mendedKernels?: readonly string[]
  /** Says whether the engine can run. Never throws because a package or device is missing. */
  available(): Promise<Availability>
  /** Registers the tfjs backend and its kernels, and does nothing else. */
  start(): Promise<void>
}
