import { optionsFor, whole } from '../../core/options/index.ts'
import { type ImageShape, imageShape } from '../operations/cost.ts'
import { type NormalisationOption, normalisationField } from '../operations/normalisation.ts'
import { type NasBench201Options, nasBench201Defaults } from './space.ts'

/** One stage: cells at one size, after a residual block that halves the size and doubles the channels (not in the first). */
export interface NasBench201Stage {
  readonly reduces: boolean
  /** Input of the stage. */
  readonly input: ImageShape
  /** Input and output of every cell. */
  readonly shape: ImageShape
  /** Number of cells. */
  readonly cells: number
}

export interface NasBench201Plan {
  readonly input: ImageShape
  readonly stages: readonly NasBench201Stage[]
  readonly classes: number
}

const declared = optionsFor<NasBench201Options & NormalisationOption>()('nasBench201Space', {
  channels: whole({
    min: 1,
    default: nasBench201Defaults.channels,
    doc: 'Channels of the first stage; the next two have twice and four times as many.',
  }),
  cells: whole({ min: 1, default: nasBench201Defaults.cells, doc: 'Cells of each of the three stages.' }),
  ...normalisationField,
})

/** Fills in defaults and checks the options. Error: ARCHLOOM_OPTION. */
export function checkedOptions(given: NasBench201Options & NormalisationOption): Required<NasBench201Options> {
  const { normalisation: _, ...options } = declared.read(given)
  return options as Required<NasBench201Options>
}

/** Figure 1 of the paper: stem, three stages of N cells, a residual block of stride 2 between them. */
export function planNasBench201(
  { channels, cells }: Required<NasBench201Options>,
  inputSizes: readonly number[],
  classes: number,
): NasBench201Plan {
  const input = imageShape('nas-bench-201', inputSizes)
  let shape: ImageShape = { ...input, channels }
  const stages = [0, 1, 2].map((stage): NasBench201Stage => {
    const before = shape
    if (stage > 0)
      shape = {
        height: Math.ceil(before.height / 2),
        width: Math.ceil(before.width / 2),
        channels: 2 * before.channels,
      }
    return { reduces: stage > 0, input: before, shape, cells }
  })
  return { input, stages, classes }
}
