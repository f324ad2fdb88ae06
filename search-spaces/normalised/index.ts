/** Adds the normalisation as a decision to any space of networks. */
import { optionError } from '../../core/options/index.ts'
import { type Decision, oneOf, product } from '../../core/space/index.ts'
import { type NormalisationChoice, normalisationOf } from '../../core/tensor/index.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import type { NormalisationOption } from '../operations/normalisation.ts'

export interface NormalisedArchitecture<A> {
  /** Name of the normalisation. */
  readonly normalisation: string
  readonly network: A
}

const decisionsOf = ({ decisions }: { readonly decisions: readonly Decision[] }) => JSON.stringify(decisions)

/**
 * The space that `make` returns, with the normalisation as an additional first decision. `make` is called once per
 * choice and must return spaces that differ in nothing else. Error: ARCHLOOM_OPTION.
 */
export function normalisedSpace<A, O>(
  make: (option: Required<NormalisationOption>) => NetworkSpace<A, O>,
  choices: readonly NormalisationChoice[],
): NetworkSpace<NormalisedArchitecture<A>, { readonly normalisations: readonly string[] }> {
  const spaces = new Map(
    choices.map((normalisation) => [normalisationOf(normalisation).name, make({ normalisation })] as const),
  )
  const names = [...spaces.keys()]
  const [first] = spaces.values()
  if (!first || names.length < choices.length)
    throw optionError('normalisedSpace', 'choices', choices, 'at least one normalisation, each with a unique name')
  for (const space of spaces.values())
    if (decisionsOf(space) !== decisionsOf(first))
      throw optionError(
        'normalisedSpace',
        'make',
        space.name,
        `a space with the same decisions as ${first.name} for every normalisation`,
      )
  const spaceOf = (name: string) => spaces.get(name) as NetworkSpace<A, O>
  const node = product({ normalisation: oneOf(...names), network: first.node })
  return defineNetworkSpace(`${first.name}-normalised=${names.join('+')}`, node, {
    options: { normalisations: names },
    constraints: first.constraints.map((constraint) => ({
      ...constraint,
      paths: constraint.paths.map((path) => `network.${path}`),
    })),
    ...(first.papers && { papers: first.papers }),
    cost: ({ normalisation, network }: NormalisedArchitecture<A>, form) => spaceOf(normalisation).cost(network, form),
    build: ({ normalisation, network }: NormalisedArchitecture<A>, form) => spaceOf(normalisation).build(network, form),
  })
}
