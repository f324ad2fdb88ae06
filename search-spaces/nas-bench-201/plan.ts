import { error } from '../errors.ts'
import { type ImageShape, imageShape } from '../operations/cost.ts'
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

/** Defaults filled in and checked: ARCHLOOM_SPACE_OPTION. */
export function checkedOptions(options: NasBench201Options): Required<NasBench201Options> {
  const checked = { ...nasBench201Defaults, ...options }
  for (const [option, received] of Object.entries(checked))
    if (!Number.isInteger(received) || received < 1)
      throw error('ARCHLOOM_SPACE_OPTION', {
        space: 'nasBench201Space',
        option,
        received,
        expected: 'a positive integer',
      })
  return checked
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
