/** A space of three decisions over tiny convolutional networks, for first steps and tests. */
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { buildToyNetwork, toyCost } from './network.ts'
import { type ToyArchitecture, toyDecisions } from './space.ts'

/** 27 networks of one to three convolutions; each trains in seconds on small images. */
export const toySpace = (): NetworkSpace<ToyArchitecture> =>
  defineNetworkSpace('toy', toyDecisions, {
    options: {},
    cost: (architecture: ToyArchitecture, { input, classes }) => toyCost(architecture, input, classes),
    build: buildToyNetwork,
  })

export type { ToyArchitecture } from './space.ts'
