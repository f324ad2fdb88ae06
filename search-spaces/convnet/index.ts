/** Plain and residual convolutional networks that double their channels wherever they halve the image. */
import { optionError, optionNames } from '../../core/options/index.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { buildConvnet, convnetCost } from './network.ts'
import {
  type ConvnetArchitecture,
  type ConvnetOptions,
  convnetDecisions,
  convnetDefaults,
  convnetName,
} from './space.ts'

export type ConvnetSpace = NetworkSpace<ConvnetArchitecture, Required<ConvnetOptions>>

const positive = (value: unknown) => Number.isInteger(value) && (value as number) > 0

const convnetSpaceNames = optionNames<ConvnetOptions>('convnetSpace', {
  widths: true,
  stages: true,
  maxDepth: true,
  kernels: true,
})

/** Width, depth, kernel, form, normalisation, reduction and head of a convolutional network. Throws ARCHLOOM_OPTION. */
export function convnetSpace(given: ConvnetOptions = {}): ConvnetSpace {
  convnetSpaceNames(given)
  const options: Required<ConvnetOptions> = { ...convnetDefaults, ...given }
  const refuse = (option: keyof ConvnetOptions, expected: string) =>
    optionError('convnetSpace', option, options[option], expected)
  if (options.widths.length === 0 || !options.widths.every(positive)) throw refuse('widths', 'positive integers')
  const { stages } = options
  const [fewest, most] = typeof stages === 'number' ? [stages, stages] : [stages.min, stages.max]
  if (!positive(fewest) || !positive(most) || fewest > most)
    throw refuse('stages', 'a positive integer, or { min, max } with 1 ≤ min ≤ max')
  if (!positive(options.maxDepth)) throw refuse('maxDepth', 'a positive integer')
  if (options.kernels.length === 0 || !options.kernels.every((kernel) => positive(kernel) && kernel % 2 === 1))
    throw refuse('kernels', 'odd positive integers')
  return defineNetworkSpace(convnetName(given), convnetDecisions(options), {
    options,
    origin: { factory: 'convnetSpace', room: 'convnet', given },
    cost: convnetCost,
    build: buildConvnet,
  })
}

export { type ConvnetArchitecture, type ConvnetOptions, convnetDecisions, convnetDefaults } from './space.ts'
