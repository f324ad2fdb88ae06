import {
  type Constraint,
  defineSpace,
  type Json,
  type SearchSpace,
  type SpaceNode,
  type SpaceOptions,
} from '../core/space/index.ts'
import type { BuildOptions, Network, NetworkCost, Supernet } from '../core/trainer.ts'

/** A search space that always has networks. `options` are those of its factory, for supernets and drawings. */
export interface NetworkSpace<A, O = unknown, C extends NetworkCost = NetworkCost> extends SearchSpace<A> {
  readonly options: O
  /** The node that defines the space, so that it can be a part of a larger space. */
  readonly node: SpaceNode<A>
  readonly constraints: readonly Constraint[]
  build(architecture: A, options: BuildOptions): Network
  cost(architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>): C
}

type Parts<A, O, C extends NetworkCost> = SpaceOptions<A> & {
  readonly options: O
  /** The factory, the folder of this room whose entry exports it, and the options as they were given. */
  readonly origin?: { readonly factory: string; readonly room: string; readonly given: object }
  readonly build: (architecture: A, options: BuildOptions) => Network
  readonly cost: (architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>) => C
}

/**
 * Guards a supernet: `path` accepts only architectures of its space. Others would fail inside the supernet, or be
 * mistaken for an architecture of the space.
 */
const guarded = <A>(supernet: Supernet<A>, encode: (architecture: A) => unknown): Supernet<A> => ({
  ...supernet,
  path(architecture) {
    encode(architecture)
    return supernet.path(architecture)
  },
})

/**
 * Defines a space with networks. `path` of its supernet throws ARCHLOOM_ARCHITECTURE_INVALID for architectures of
 * another space.
 */
export const defineNetworkSpace = <A, O, C extends NetworkCost>(
  name: string,
  node: SpaceNode<A>,
  { options, build, cost, supernet, origin, ...rest }: Parts<A, O, C>,
): NetworkSpace<A, O, C> => {
  const made: (parts: BuildOptions) => Supernet<A> = (parts) =>
    guarded((supernet as NonNullable<typeof supernet>)(parts), space.encode)
  const space = defineSpace(name, node, { ...rest, build, cost, ...(supernet && { supernet: made }) })
  return Object.assign(space, {
    options,
    build,
    cost,
    node,
    constraints: rest.constraints ?? [],
    ...(origin && {
      origin: {
        module: `archloom/search-spaces/${origin.room}`,
        factory: origin.factory,
        options: JSON.parse(JSON.stringify(origin.given)) as Json,
      },
    }),
  })
}
