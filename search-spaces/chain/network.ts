import { among, group, list, number, type Option, optionsFor, required, whole } from '../../core/options/index.ts'
import { type BlockChain, imageShape, mbConv, type PlacedOperation } from '../operations/index.ts'
import { type NormalisationOption, normalisationField } from '../operations/normalisation.ts'
import { type ChainArchitecture, type ChainOptions, type ChainStage, chainDefaults } from './space.ts'

const stage: Option<ChainStage> = group({
  widths: required(list(whole({ min: 1 }), { min: 1, doc: 'Widths among which the stage chooses, in channels.' })),
  depth: required(
    group(
      {
        min: required(whole({ min: 1, doc: 'Fewest blocks.' })),
        max: required(whole({ min: 1, doc: 'Most blocks.' })),
      },
      { optional: true, doc: 'How many blocks the stage may have.' },
    ),
  ),
  stride: among([1, 2], { doc: 'Stride of the first block.' }),
})
const declared = optionsFor<ChainOptions & NormalisationOption>()('chainSpace', {
  kernels: list(whole({ min: 1 }), {
    min: 1,
    default: chainDefaults.kernels,
    doc: 'Kernel sizes among which every block chooses; odd.',
  }),
  expansions: list(number({ min: 1 }), {
    min: 1,
    default: chainDefaults.expansions,
    doc: 'Expansions of the inverted bottleneck among which every block chooses.',
  }),
  stages: list(stage, {
    min: 1,
    default: chainDefaults.stages,
    doc: 'Stages in a row: widths, depth and stride of each.',
  }),
  stem: whole({ min: 1, default: chainDefaults.stem, doc: 'Channels of the first convolution.' }),
  head: whole({
    min: 0,
    default: chainDefaults.head,
    doc: 'Channels of the 1×1 convolution before the classifier; 0: none.',
  }),
  ...normalisationField,
})

/** Fills in defaults and checks the options. Error: ARCHLOOM_OPTION. */
export function checkedOptions<K extends readonly number[], E extends readonly number[]>(
  given: ChainOptions<K, E> & NormalisationOption,
): Required<ChainOptions<K, E>> {
  const { normalisation: _, ...options } = declared.read(given)
  // The defaults of the type parameters are those of the options.
  const checked = options as Required<ChainOptions<K, E>>
  if (checked.kernels.some((kernel) => kernel % 2 === 0))
    throw declared.refuse('kernels', checked.kernels, 'odd integers')
  return checked
}

/** The blocks of an architecture in order. The first block of a stage has the stage's stride and changes the width. */
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
