import { seeded } from '../../core/random.ts'
import type { Batch, Network } from '../../core/trainer.ts'
import { costOf } from '../profile/layer-table.ts'
import { jacovScore, naswotScore, zenScore } from './activation-proxies.ts'
import { countLayers } from './counts.ts'
import { fisherScore, gradientScores, graspScore, synflowScore } from './gradient-proxies.ts'

/** Every proxy; larger is meant to be better in each. */
export const zeroCostProxies = [
  'parameters',
  'multiplyAdds',
  'depth',
  'synflow',
  'snip',
  'gradNorm',
  'grasp',
  'fisher',
  'naswot',
  'jacov',
  'zen',
] as const
export type ZeroCostProxy = (typeof zeroCostProxies)[number]

/** Proxies that look at a batch of labelled images. */
const needBatch: readonly ZeroCostProxy[] = ['snip', 'gradNorm', 'grasp', 'fisher', 'naswot', 'jacov']
/** Whether any of the proxies looks at data. */
export const needsData = (proxies: readonly ZeroCostProxy[]): boolean =>
  proxies.some((proxy) => needBatch.includes(proxy))

export interface ZeroCostParts {
  readonly proxies: readonly ZeroCostProxy[]
  /** Labelled images; needed by proxies of gradients and activations. */
  readonly batch?: Batch | undefined
  /** Of random choices: dropout, and the noise of the Zen score. */
  readonly seed: number
}

/**
 * Scores of one network with fresh weights. Its weights are as before afterwards, unless the Zen score is among the
 * proxies, which leaves Gaussian ones; running statistics move.
 */
export async function zeroCostScores(
  network: Network,
  { proxies, batch, seed }: ZeroCostParts,
): Promise<Readonly<Partial<Record<ZeroCostProxy, number>>>> {
  const wanted = new Set(proxies)
  const found = new Map<ZeroCostProxy, number>()
  const rng = seeded(seed).fork('zero-cost')
  const wants = (...names: readonly ZeroCostProxy[]) => names.some((name) => wanted.has(name))
  if (wants('parameters'))
    found.set(
      'parameters',
      network.trainable.reduce((sum, { size }) => sum + size, 0),
    )
  if (wants('multiplyAdds', 'depth')) {
    const { layers, depth } = await countLayers(network)
    found.set('multiplyAdds', costOf(layers).multiplyAdds)
    found.set('depth', depth)
  }
  // In evaluation mode, before running statistics move.
  if (wants('synflow')) found.set('synflow', synflowScore(network, rng))
  if (batch) {
    if (wants('snip', 'gradNorm'))
      for (const [name, value] of Object.entries(gradientScores(network, batch, rng)))
        found.set(name as ZeroCostProxy, value)
    if (wants('grasp')) found.set('grasp', graspScore(network, batch, rng))
    if (wants('fisher')) found.set('fisher', fisherScore(network, batch, rng))
    if (wants('naswot')) found.set('naswot', naswotScore(network, batch, rng))
    if (wants('jacov')) found.set('jacov', jacovScore(network, batch, rng))
  }
  if (wants('zen')) found.set('zen', zenScore(network, rng))
  return Object.fromEntries(proxies.map((name) => [name, found.get(name)!]))
}
