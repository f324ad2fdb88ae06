/** A space of three decisions over tiny convolutional networks, for first steps and tests. */
import { optionsFor } from '../../core/options/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import {
  type NormalisationOption,
  nameableOptions,
  normalisationField,
  normalisationParts,
} from '../operations/normalisation.ts'
import { buildToyNetwork, toyCost } from './network.ts'
import { type ToyArchitecture, toyDecisions } from './space.ts'

const declared = optionsFor<NormalisationOption>()('toySpace', normalisationField)

/** 27 networks of one to three convolutions; each trains in seconds on small images. */
export function toySpace(given: NormalisationOption = {}): NetworkSpace<ToyArchitecture> {
  const options = declared.read(given)
  const normalisation = normalisationParts(options)
  return defineNetworkSpace(nameWithOptions('toy', nameableOptions(options), {}), toyDecisions, {
    options: {},
    origin: { factory: 'toySpace', room: 'toy', given },
    cost: (architecture: ToyArchitecture, { input, classes }) => toyCost(architecture, input, classes),
    build: (architecture: ToyArchitecture, build) => buildToyNetwork(architecture, { ...build, ...normalisation }),
  })
}

export type { ToyArchitecture } from './space.ts'
