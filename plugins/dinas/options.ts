import {
  among,
  callback,
  either,
  group,
  number,
  type OptionsOf,
  options,
  type ReadOptionsOf,
  whole,
} from '../../core/options/index.ts'
import type { LinearTap } from '../../core/trainer.ts'

/** Where a protection happens: α may depend on the layer and on how far the training is. */
export interface Protection {
  readonly name: string
  readonly geometry: LinearTap['geometry']
  /** Steps taken over steps planned, 0 to 1; 0 where the length is unknown. */
  readonly progress: number
}

export const declared = options(
  'dinas',
  {
    /** α of eq. P = α (α I + X Xᵀ)⁻¹, above 0: small protects strictly, large leaves room. Default 1. */
    alpha: either([number({ above: 0 }), callback<(where: Protection) => number>()], { default: 1 }),
    /**
     * What is protected of a layer's input. 'second-moment' (default): X Xᵀ / n of all its rows. 'mean': every row of the
     * batch's mean, unscaled; cheaper for dense layers, and it protects the mean direction only.
     */
    columns: among(['mean', 'second-moment'], { default: 'second-moment' }),
    /** Steps between two protections of what the steps' architectures saw; 0: only `protect()` does. Default 10. */
    protectEvery: whole({ min: 0, default: 10 }),
    /** Training before the first protection. */
    warmUp: group({
      /** Steps of plain training before the first protection. Default 0. */
      steps: whole({ min: 0, default: 0 }),
    }),
    /** Steps between two releases; 0: never. A projector that is never released starves its weight. Default 100. */
    releaseEvery: whole({ min: 0, default: 100 }),
    /** What a release gives back: P ← (1 − share) P + share I; 1 begins anew. Default 1. */
    releaseShare: number({ above: 0, max: 1, default: 1 }),
    /** 'increment' (default): the step the optimizer wants to take, momentum and decay in it. 'gradient': as in OWM. */
    project: among(['increment', 'gradient'], { default: 'increment' }),
    /** Where P stands. 'output' is no protection: it is there to compare with. Default 'input'. */
    side: among(['input', 'output'], { default: 'input' }),
    /** A projector for each channel of a depthwise kernel (default), or none: they have few inputs and freeze soon. */
    depthwise: among(['per-channel', 'exempt'], { default: 'per-channel' }),
    /** Which layers have projectors, by the path of their kernel. Default: all, head and stem too. */
    layers: callback<(name: string) => boolean>({ default: () => true, absent: 'all layers' }),
    /** Rows that a second moment is taken over, as whole examples. Default 8192. */
    rows: whole({ min: 1, default: 8192 }),
    /** Most columns of a layer that a protection takes, the largest directions first. Default: as many as needed. */
    rank: whole({ min: 1, infinite: true, default: Number.POSITIVE_INFINITY }),
  },
  { renamed: { warmUpSteps: 'warmUp.steps' } },
)
export type ProjectionOptions = OptionsOf<typeof declared>
export type Projection = ReadOptionsOf<typeof declared>

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
