/** A space of three decisions over tiny convolutional networks, for first steps and tests. */
import { nameWithOptions } from '../../core/space/naming.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { type NormalisationOption, nameableOptions, normalisationParts } from '../operations/normalisation.ts'
import { buildToyNetwork, toyCost } from './network.ts'
import { type ToyArchitecture, toyDecisions } from './space.ts'

/** 27 networks of one to three convolutions; each trains in seconds on small images. */
export function toySpace(options: NormalisationOption = {}): NetworkSpace<ToyArchitecture> {
  const normalisation = normalisationParts(options)
  return defineNetworkSpace(nameWithOptions('toy', nameableOptions(options), {}), toyDecisions, {
    options: {},
    cost: (architecture: ToyArchitecture, { input, classes }) => toyCost(architecture, input, classes),
    build: (architecture: ToyArchitecture, build) => buildToyNetwork(architecture, { ...build, ...normalisation }),
  })
}

export type { ToyArchitecture } from './space.ts'
