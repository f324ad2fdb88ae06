/** How far an experiment goes: a minute, minutes, or the published protocol. */
export const scales = ['smoke', 'small', 'paper'] as const
export type Scale = (typeof scales)[number]

/** What the experiment of a paper is asked for. */
export interface ReproduceOptions {
  readonly scale: Scale
  /** The first one, where there are several. */
  readonly seed: number
  /** Folder of data sets. */
  readonly data?: string
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

/** Mean and standard deviation (n − 1) over seeds; one value has no deviation. */
export interface Measured {
  readonly mean: number
  readonly sd?: number
  readonly seeds: number
}

export function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, ...(values.length > 1 && { sd: Math.sqrt(squares / (values.length - 1)) }), seeds: values.length }
}

/** What a claim is held against; a bound or a figure by theory has no seeds. */
export type Baseline = Omit<Measured, 'seeds'> & Partial<Pick<Measured, 'seeds'>> & { readonly name: string }

/** One claim of a paper: what was published, what a baseline and the method reached here under the same budget. */
export interface Claim {
  readonly id: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  /** Null where no figure of the paper's could be had. */
  readonly published: number | null
  readonly baseline: Baseline | null
  readonly ours: Measured & { readonly name?: string }
  readonly holds: boolean
  /** Seed by seed, ours less the baseline, where seeds are paired. */
  readonly difference?: Measured
}

/** Holds when our mean is above the baseline's; whether that is more than chance is for the reader of the deviations. */
export function claim(
  id: string,
  metric: string,
  published: number | null,
  [name, baseline]: readonly [name: string, values: readonly number[]],
  ours: readonly number[],
): Claim {
  const [theirs, own] = [measured(baseline), measured(ours)]
  const holds = own.mean > theirs.mean
  return { id, metric, direction: 'maximise', published, baseline: { name, ...theirs }, ours: own, holds }
}

/** '12.30 ± 0.45'; without a deviation where there is none. */
export function inWords(values: readonly number[], digits = 2): string {
  const { mean, sd } = measured(values)
  return sd === undefined ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${sd.toFixed(digits)}`
}

/** What `archloom reproduce <paper>` gives; experiments add tables of their own. */
export interface Reproduction {
  readonly paper: string
  readonly scale: Scale
  readonly seed: number
  readonly seconds: number
  readonly claims: readonly Claim[]
}
