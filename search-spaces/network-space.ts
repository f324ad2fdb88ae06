import {
  type Constraint,
  defineSpace,
  type SearchSpace,
  type SpaceNode,
  type SpaceOptions,
} from '../core/space/index.ts'
import type { BuildOptions, Network, NetworkCost, Supernet } from '../core/trainer.ts'

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

/** A supernet with paths for architectures of its space only: others would fail deep within, or pass for one of its own. */
const guarded = <A>(supernet: Supernet<A>, encode: (architecture: A) => unknown): Supernet<A> => ({
  ...supernet,
  path(architecture) {
    encode(architecture)
    return supernet.path(architecture)
  },
})

/** The paths of its supernet throw ARCHLOOM_ARCHITECTURE_INVALID for architectures of another space. */
export const defineNetworkSpace = <A, O, C extends NetworkCost>(
  name: string,
  node: SpaceNode<A>,
  { options, build, cost, supernet, ...rest }: Parts<A, O, C>,
): NetworkSpace<A, O, C> => {
  const made: (parts: BuildOptions) => Supernet<A> = (parts) =>
    guarded((supernet as NonNullable<typeof supernet>)(parts), space.encode)
  const space = defineSpace(name, node, { ...rest, build, cost, ...(supernet && { supernet: made }) })
  return Object.assign(space, { ...{ options, build, cost, node }, constraints: rest.constraints ?? [] })
}
