/** A space of three decisions over tiny convolutional networks, for first steps and tests. */
import { defineSpace, type SearchSpace } from '../../core/space/index.ts'
import { buildToyNetwork, toyCost } from './network.ts'
import { type ToyArchitecture, toyDecisions } from './space.ts'

/** 27 networks of one to three convolutions; each trains in seconds on small images. */
export const toySpace = (): SearchSpace<ToyArchitecture> =>
  defineSpace<ToyArchitecture>('toy', toyDecisions, {
    cost: (architecture, { input, classes }) => toyCost(architecture, input, classes),
    build: buildToyNetwork,
  })

export type { ToyArchitecture } from './space.ts'
