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

/** The circumstances of a protection: α may depend on the layer and on the progress of training. */
export interface Protection {
  readonly name: string
  readonly geometry: LinearTap['geometry']
  /** Steps taken over steps planned, 0 to 1; 0 if the length is unknown. */
  readonly progress: number
}

export const declared = options(
  'dinas',
  {
    alpha: either([number({ above: 0 }), callback<(where: Protection) => number>()], {
      default: 1,
      doc: 'α in P = α (α I + X Xᵀ)⁻¹, above 0. Small values protect strictly, large ones allow more change.',
    }),
    columns: among(['mean', 'second-moment'], {
      default: 'second-moment',
      doc: "What is protected of a layer's input. 'second-moment' (default): X Xᵀ / n of all its rows. 'mean': every row of the batch's mean, unscaled; cheaper for dense layers, and it protects the mean direction only.",
    }),
    protectEvery: whole({
      min: 0,
      default: 10,
      doc: "Number of steps between two protections of the inputs of the steps' architectures; 0: only `protect()` protects.",
    }),
    warmUp: group(
      {
        steps: whole({ min: 0, default: 0, doc: 'Number of plain training steps before the first protection.' }),
      },
      { doc: 'Training before the first protection.' },
    ),
    releaseEvery: whole({
      min: 0,
      default: 100,
      doc: 'Number of steps between two releases; 0: never. Without releases a weight can change less and less.',
    }),
    releaseShare: number({
      above: 0,
      max: 1,
      default: 1,
      doc: 'Share that a release gives back: P ← (1 − share) P + share I; 1 removes all protection.',
    }),
    project: among(['increment', 'gradient'], {
      default: 'increment',
      doc: "'increment' (default): the step the optimizer wants to take, momentum and decay in it. 'gradient': as in OWM.",
    }),
    side: among(['input', 'output'], {
      default: 'input',
      doc: "The side on which P is applied. 'output' protects nothing and serves as a control.",
    }),
    depthwise: among(['per-channel', 'exempt'], {
      default: 'per-channel',
      doc: 'A projector for each channel of a depthwise kernel (default), or none: they have few inputs and freeze soon.',
    }),
    layers: callback<(name: string) => boolean>({
      default: () => true,
      absent: 'all layers',
      doc: 'Which layers have projectors, by the path of their kernel.',
    }),
    rows: whole({ min: 1, default: 8192, doc: 'Rows that a second moment is taken over, as whole examples.' }),
    rank: whole({
      min: 1,
      infinite: true,
      default: Number.POSITIVE_INFINITY,
      doc: 'Maximum number of columns per layer and protection; the largest directions come first.',
    }),
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
    return falls[Math.min(seen.indexOf(name), 2)]! ** progress
  }
}
