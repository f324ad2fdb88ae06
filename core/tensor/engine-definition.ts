export type Availability =
  /** `hardware: false`: a stand-in such as a software GPU, which runs when named but which `auto` passes over. */
  | { readonly ok: true; readonly version: string; readonly hardware?: boolean }
  | { readonly ok: false; readonly reason: string; readonly remedy: string }

/** A tfjs backend that can be chosen by name. Plugins export one as `engine`. */
export interface EngineDefinition {
  /** Also the name of the tfjs backend. */
  readonly name: string
  readonly describe: string
  /** `auto` takes the available engine of highest priority. */
  readonly priority: number
  readonly threads?: number
  /** It computes on a device of its own: the time that the processor spends says nothing. */
  readonly onDevice?: boolean
  /** It comes with this package: when 'auto' has to pass over it, a warning says why. */
  readonly ships?: boolean
  /** Kernels that exist but are slower than a composition of others: fill-ins of these names replace them. */
  readonly slowKernels?: readonly string[]
  /** Kernels that `start` replaces because the package has them wrong; named in reports. */
  readonly mendedKernels?: readonly string[]
  /** Never throws for what is merely absent. */
  available(): Promise<Availability>
  /** Registers the tfjs backend and its kernels, and calls nothing else. */
  start(): Promise<void>
}
