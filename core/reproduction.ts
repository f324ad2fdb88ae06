/** The sizes of an experiment: about a minute, several minutes, or the published protocol. */
export const scales = ['smoke', 'small', 'paper'] as const
export type Scale = (typeof scales)[number]

/** What an experiment receives. */
export interface ReproduceOptions {
  readonly scale: Scale
  /** The seed of the first run. */
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

/** What a claim is compared with. A bound or a theoretical figure has no seeds. */
export type Baseline = Omit<Measured, 'seeds'> & Partial<Pick<Measured, 'seeds'>> & { readonly name: string }

/**
 * One claim of a paper: the published figure, and what a baseline and the method reached here under the same budget.
 */
export interface Claim {
  readonly id: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  /** Null if no figure of the paper was available. */
  readonly published: number | null
  readonly baseline: Baseline | null
  readonly ours: Measured & { readonly name?: string }
  readonly holds: boolean
  /** Present at the medium scale, which distinguishes claims that do not hold from claims that it cannot measure. */
  readonly verdict?: Verdict
  /** Our value minus the baseline's, seed by seed, if seeds are paired. */
  readonly difference?: PairedDifference
}

/**
 * The claim holds if our mean is better than the baseline's. Whether this is more than chance must be judged from the
 * deviations.
 */
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

/** Formats values as '12.30 ± 0.45'; a single value has no deviation. */
export function inWords(values: readonly number[], digits = 2): string {
  const { mean, sd } = measured(values)
  return sd === undefined ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${sd.toFixed(digits)}`
}

/** The result of `archloom reproduce <paper>`; experiments may add their own tables. */
export interface Reproduction {
  readonly paper: string
  readonly scale: Scale | 'medium'
  readonly seed: number
  readonly seconds: number
  readonly claims: readonly Claim[]
}

/** One number that a unit of the medium scale has measured. */
export interface Measurement {
  /** The training step of the measurement, or the number of the measured item. Default: 0. */
  readonly step?: number
  readonly metric: string
  /** A finite number. */
  readonly value: number
}

/** What a unit receives. */
export interface UnitContext {
  readonly seed: number
  /** Folder of data sets, as ARCHLOOM_DATA. */
  readonly data?: string
  /** Where `prepare` leaves files of this part and seed, and where arms find them. */
  readonly folder: string
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

/** A comparison of an arm with its control, seed by seed. */
export interface Comparison {
  /** The claim as a sentence, such as "Projection raises the rank correlation of architectures trained in turn". */
  readonly claim: string
  readonly arm: string
  readonly control: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  /** The difference that was published, in the direction of the claim; null if no figure was available. */
  readonly published: number | null
  /**
   * The smallest difference that would matter, fixed before the run. It is used if `published` is null. Default:
   * `published`.
   */
  readonly effect?: number
}

/** One experiment of the medium scale: every arm runs with every seed, each pair as a unit of its own. */
export interface ExperimentPart {
  /** Lower-case letters, digits and dashes. */
  readonly name: string
  readonly title: string
  /** Data, network and lengths in one or two sentences. */
  readonly setting: string
  /** Everything that the figures depend on, as JSON. Results with other settings are refused. */
  readonly settings: unknown
  readonly arms: readonly string[]
  readonly seeds: readonly number[]
  /** Processor seconds that a unit is expected to take, for the first estimate of the time left. */
  readonly seconds: number
  /** Runs once per seed before its arms, and writes the files that they start from into `folder`. */
  readonly prepare?: (context: UnitContext) => Promise<readonly Measurement[]>
  readonly run: (arm: string, context: UnitContext) => Promise<readonly Measurement[]>
  /** Metrics in the order of the table, with their digits. Default digits: 2. */
  readonly metrics: readonly { readonly name: string; readonly digits?: number }[]
  readonly comparisons: readonly Comparison[]
}

/** What a plugin's `medium.ts` exports as `medium`. */
export interface Experiment {
  readonly paper: string
  readonly parts: readonly ExperimentPart[]
}

export type Verdict = 'holds' | 'does not hold' | 'not measurable here'

/** Our value minus the control's, seed by seed, signed so that positive supports the claim. */
export interface PairedDifference extends Measured {
  /** Standard error of the mean: sd / √n. Undefined with one seed. */
  readonly error?: number
}

/** Differences of pairs, positive if they support the claim. */
export function pairedDifference(
  ours: readonly number[],
  control: readonly number[],
  direction: Claim['direction'],
): PairedDifference {
  const sign = direction === 'maximise' ? 1 : -1
  const found = measured(ours.map((value, i) => sign * (value - control[i]!)))
  return found.sd === undefined ? found : { ...found, error: found.sd / Math.sqrt(found.seeds) }
}

/** With fewer seeds, the standard deviation is too uncertain for a verdict. */
const FEWEST_SEEDS = 3

/**
 * `holds`: the difference is more than two standard errors above 0. `does not hold`: it is more than two below 0, or more
 * than two below the published effect while the standard error is not larger than that effect. Everything else is
 * `not measurable here`: with fewer than three seeds, with a standard error larger than the effect, or with both 0 and the effect
 * within two standard errors.
 */
export function verdictOf({ mean, error, seeds }: PairedDifference, effect: number | null): Verdict {
  if (error === undefined || seeds < FEWEST_SEEDS) return 'not measurable here'
  if (mean > 2 * error) return 'holds'
  if (mean < -2 * error) return 'does not hold'
  return effect !== null && error <= effect && mean + 2 * error < effect ? 'does not hold' : 'not measurable here'
}
