import { among, group, list, number, type Option, optionsFor, required, whole } from '../../core/options/index.ts'
import { type BlockChain, imageShape, mbConv, type PlacedOperation } from '../operations/index.ts'
import { type NormalisationOption, normalisationField } from '../operations/normalisation.ts'
import { type ChainArchitecture, type ChainOptions, type ChainStage, chainDefaults } from './space.ts'

const stage: Option<ChainStage> = group({
  widths: required(list(whole({ min: 1 }), { min: 1 })),
  depth: required(group({ min: required(whole({ min: 1 })), max: required(whole({ min: 1 })) }, { optional: true })),
  stride: among([1, 2]),
})
const declared = optionsFor<ChainOptions & NormalisationOption>()('chainSpace', {
  kernels: list(whole({ min: 1 }), { min: 1, default: chainDefaults.kernels }),
  expansions: list(number({ min: 1 }), { min: 1, default: chainDefaults.expansions }),
  stages: list(stage, { min: 1, default: chainDefaults.stages }),
  stem: whole({ min: 1, default: chainDefaults.stem }),
  head: whole({ min: 0, default: chainDefaults.head }),
  ...normalisationField,
})

/** Defaults filled in and checked: ARCHLOOM_OPTION. */
export function checkedOptions<K extends readonly number[], E extends readonly number[]>(
  given: ChainOptions<K, E> & NormalisationOption,
): Required<ChainOptions<K, E>> {
  const { normalisation: _, ...options } = declared.read(given)
  // The type parameters default to the defaults.
  const checked = options as Required<ChainOptions<K, E>>
  if (checked.kernels.some((kernel) => kernel % 2 === 0))
    throw declared.refuse('kernels', checked.kernels, 'odd integers')
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
