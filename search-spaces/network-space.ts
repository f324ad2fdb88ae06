import {
  type Constraint,
  defineSpace,
  type SearchSpace,
  type SpaceNode,
  type SpaceOptions,
} from '../core/space/index.ts'
import type { BuildOptions, Network, NetworkCost } from '../core/trainer.ts'

/** A search space that surely has networks; `options` are those of its factory, for supernets and drawings. */
export interface NetworkSpace<A, O = unknown, C extends NetworkCost = NetworkCost> extends SearchSpace<A> {
  readonly options: O
  /** What the space was defined by, so that it can be part of a larger one. */
  readonly node: SpaceNode<A>
  readonly constraints: readonly Constraint[]
  build(architecture: A, options: BuildOptions): Network
  cost(architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>): C
}

type Parts<A, O, C extends NetworkCost> = SpaceOptions<A> & {
  readonly options: O
  readonly build: (architecture: A, options: BuildOptions) => Network
  readonly cost: (architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>) => C
}

export const defineNetworkSpace = <A, O, C extends NetworkCost>(
  name: string,
  node: SpaceNode<A>,
  { options, build, cost, ...rest }: Parts<A, O, C>,
): NetworkSpace<A, O, C> =>
  Object.assign(defineSpace(name, node, { ...rest, build, cost }), {
    ...{ options, build, cost, node },
    constraints: rest.constraints ?? [],
  })
