import { optionsFor, whole } from '../../core/options/index.ts'
import { type BlockChain, imageShape, mbConv, type Operation, projectedIdentity } from '../operations/index.ts'
import { type NormalisationOption, normalisationField } from '../operations/normalisation.ts'
import {
  type NasBenchMacroArchitecture,
  type NasBenchMacroOperation,
  type NasBenchMacroOptions,
  nasBenchMacroDefaults,
} from './space.ts'

export const macroOperations: Readonly<Record<NasBenchMacroOperation, Operation>> = {
  identity: projectedIdentity,
  mb_conv_k3_e3: mbConv({ kernel: 3, expansion: 3 }),
  mb_conv_k5_e6: mbConv({ kernel: 5, expansion: 6 }),
}

const declared = optionsFor<NasBenchMacroOptions & NormalisationOption>()('nasBenchMacroSpace', {
  channels: whole({
    min: 1,
    default: nasBenchMacroDefaults.channels,
    doc: 'Channels of the stem; each of the three stages doubles them.',
  }),
  head: whole({ min: 1, default: nasBenchMacroDefaults.head, doc: 'Channels of the last 1×1 convolution.' }),
  ...normalisationField,
})

/** Fills in defaults and checks the options. Error: ARCHLOOM_OPTION. */
export function checkedOptions(given: NasBenchMacroOptions & NormalisationOption): Required<NasBenchMacroOptions> {
  const { normalisation: _, ...options } = declared.read(given)
  return options as Required<NasBenchMacroOptions>
}

/**
 * First layers of the three stages, which have two, three and three layers. They halve the size and double the
 * channels.
 */
const STAGE_STARTS = [0, 2, 5]

/** The benchmark's network (figure 7 of the paper and its released code). */
export function macroChain(
  { layers }: NasBenchMacroArchitecture,
  { channels, head }: Required<NasBenchMacroOptions>,
  input: readonly number[],
  classes: number,
): BlockChain {
  let channelsOut = channels
  const blocks = layers.map((layer, index) => {
    const channelsIn = channelsOut
    const reduces = STAGE_STARTS.includes(index)
    if (reduces) channelsOut *= 2
    return {
      name: `layer_${index}`,
      operation: macroOperations[layer],
      channelsIn,
      channelsOut,
      stride: reduces ? 2 : 1,
    }
  })
  return { input: imageShape('nas-bench-macro', input), stem: channels, blocks, head, classes }
}
