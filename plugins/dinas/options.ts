import type { LinearTap } from '../../core/trainer.ts'
import { error } from './errors.ts'

/** Where a protection happens: α may depend on the layer and on how far the training is. */
export interface Protection {
  readonly name: string
  readonly geometry: LinearTap['geometry']
  /** Steps taken over steps planned, 0 to 1; 0 where the length is unknown. */
  readonly progress: number
}

export interface ProjectionOptions {
  /** α of eq. P = α (α I + X Xᵀ)⁻¹, above 0: small protects strictly, large leaves room. Default 1. */
  readonly alpha?: number | ((where: Protection) => number)
  /**
   * What is protected of a layer's input. 'second-moment' (default): X Xᵀ / n of all its rows. 'mean': every row of the
   * batch's mean, unscaled; cheaper for dense layers, and it protects the mean direction only.
   */
  readonly columns?: 'mean' | 'second-moment'
  /** Steps between two protections of what the steps' architectures saw; 0: only `protect()` does. Default 10. */
  readonly protectEvery?: number
  /** Steps of plain training before the first protection. Default 0. */
  readonly warmUp?: number
  /** Steps between two releases; 0: never. A projector that is never released starves its weight. Default 100. */
  readonly releaseEvery?: number
  /** What a release gives back: P ← (1 − share) P + share I; 1 begins anew. Default 1. */
  readonly releaseShare?: number
  /** 'increment' (default): the step the optimizer wants to take, momentum and decay in it. 'gradient': as in OWM. */
  readonly project?: 'increment' | 'gradient'
  /** Where P stands. 'output' is no protection: it is there to compare with. Default 'input'. */
  readonly side?: 'input' | 'output'
  /** A projector for each channel of a depthwise kernel (default), or none: they have few inputs and freeze soon. */
  readonly depthwise?: 'per-channel' | 'exempt'
  /** Which layers have projectors, by the path of their kernel. Default: all, head and stem too. */
  readonly layers?: (name: string) => boolean
  /** Rows that a second moment is taken over, as whole examples. Default 8192. */
  readonly rows?: number
  /** At most so many columns of a layer a protection, the largest directions first. Default: as many as needed. */
  readonly rank?: number
}

export type Projection = Required<ProjectionOptions>

const whole = (n: unknown, least: number) => Number.isInteger(n) && (n as number) >= least

/** Defaults filled in and checked: ARCHLOOM_DINAS_OPTION. */
export function checkedOptions(options: ProjectionOptions): Projection {
  const defaults: Projection = {
    alpha: 1,
    columns: 'second-moment',
    protectEvery: 10,
    warmUp: 0,
    releaseEvery: 100,
    releaseShare: 1,
    project: 'increment',
    side: 'input',
    depthwise: 'per-channel',
    layers: () => true,
    rows: 8192,
    rank: Number.POSITIVE_INFINITY,
  }
  const checked: Projection = { ...defaults, ...options }
  const check = (option: keyof Projection, valid: boolean, expected: string) => {
    if (!valid) throw error('ARCHLOOM_DINAS_OPTION', { option, received: checked[option], expected })
  }
  // A misspelt option would be a default.
  for (const option of Object.keys(options) as (keyof Projection)[])
    check(option, option in defaults, `one of the options ${Object.keys(defaults).join(', ')}`)
  const among = (option: 'columns' | 'project' | 'side' | 'depthwise', ...values: readonly string[]) =>
    check(option, values.includes(checked[option]), values.map((value) => `'${value}'`).join(' or '))
  const { alpha, releaseShare: share, rank } = checked
  check('alpha', typeof alpha === 'function' || (alpha > 0 && alpha < 1 / 0), 'a number above 0, or a function')
  among('columns', 'mean', 'second-moment')
  among('project', 'increment', 'gradient')
  among('side', 'input', 'output')
  among('depthwise', 'per-channel', 'exempt')
  check('protectEvery', whole(checked.protectEvery, 0), 'a whole number of steps, or 0 for never')
  check('releaseEvery', whole(checked.releaseEvery, 0), 'a whole number of steps, or 0 for never')
  check('warmUp', whole(checked.warmUp, 0), 'a whole number of steps')
  check('releaseShare', share > 0 && share <= 1, 'a share in (0, 1]')
  check('layers', typeof checked.layers === 'function', 'a predicate on the paths of kernels')
  check('rows', whole(checked.rows, 1), 'a whole number of at least 1')
  check('rank', rank === Number.POSITIVE_INFINITY || whole(rank, 1), 'a whole number of at least 1')
  return checked
}

/** α that falls from `start` by the factor `fall` over the training: α(λ) = start · fall^λ, λ the progress. */
export const fallingAlpha =
  (start: number, fall: number) =>
  ({ progress }: Pick<Protection, 'progress'>): number =>
    start * fall ** progress

/**
 * The schedule of the published OWM code: convolutions 10^(−5λ); dense layers, in the order of their first use,
 * 10^(−4λ), 10^(−2λ), and 10^(−λ) from the third on.
 */
export function owmAlpha(): (where: Protection) => number {
  const falls = [1e-4, 1e-2, 1e-1] as const
  const seen: string[] = []
  return ({ name, geometry, progress }) => {
    if (geometry.kind !== 'dense') return 1e-5 ** progress
    if (!seen.includes(name)) seen.push(name)
    return (falls[Math.min(seen.indexOf(name), 2)] as number) ** progress
  }
}
