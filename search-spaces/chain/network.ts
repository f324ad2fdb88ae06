import { error } from '../errors.ts'
import { type BlockChain, imageShape, mbConv, type PlacedOperation } from '../operations/index.ts'
import { type ChainArchitecture, type ChainOptions, type ChainStage, chainDefaults } from './space.ts'

/** Defaults filled in and checked: ARCHLOOM_SPACE_OPTION. */
export function checkedOptions<K extends readonly number[], E extends readonly number[]>(
  options: ChainOptions<K, E>,
): Required<ChainOptions<K, E>> {
  // The type parameters default to the defaults.
  const checked = { ...chainDefaults, ...options } as Required<ChainOptions<K, E>>
  const refuse = (option: string, received: unknown, expected: string) =>
    error('ARCHLOOM_SPACE_OPTION', { space: 'chainSpace', option, received, expected })
  const { kernels, expansions, stages, stem, head } = checked
  for (const kernel of kernels)
    if (!(Number.isInteger(kernel) && kernel > 0 && kernel % 2 === 1)) throw refuse('kernels', kernels, 'odd integers')
  for (const expansion of expansions)
    if (!(Number.isFinite(expansion) && expansion >= 1)) throw refuse('expansions', expansions, 'numbers of at least 1')
  if (stages.length === 0) throw refuse('stages', stages, 'at least one stage')
  stages.forEach(({ widths, depth, stride = 2 }, index) => {
    if (!widths.every((width) => Number.isInteger(width) && width > 0))
      throw refuse(`stages[${index}].widths`, widths, 'positive integers')
    if (!(Number.isInteger(depth.min) && depth.min >= 1))
      throw refuse(`stages[${index}].depth`, depth, 'at least one block, for the change of width')
    if (stride !== 1 && stride !== 2) throw refuse(`stages[${index}].stride`, stride, '1 or 2')
  })
  if (!(Number.isInteger(stem) && stem > 0)) throw refuse('stem', stem, 'a positive integer')
  if (!(Number.isInteger(head) && head >= 0)) throw refuse('head', head, 'an integer ≥ 0, 0 for none')
  return checked
}

/** The blocks of an architecture in a row: the first of a stage has its stride and changes the width. */
export function chainOf(
  architecture: ChainArchitecture,
  { stages, stem, head }: Required<ChainOptions>,
  input: readonly number[],
  classes: number,
): BlockChain {
  let channelsOut = stem
  const blocks = architecture.stages.flatMap(({ width, blocks: chosen }, stage) =>
    chosen.map(({ kernel, expansion }, index): PlacedOperation => {
      const channelsIn = channelsOut
      channelsOut = width
      const stride = index === 0 ? ((stages[stage] as ChainStage).stride ?? 2) : 1
      return {
        name: `stage_${stage}_block_${index}`,
        operation: mbConv({ kernel, expansion }),
        channelsIn,
        channelsOut,
        stride,
      }
    }),
  )
  return { input: imageShape('chain', input), stem, blocks, head, classes }
}
