import { optionNames } from '../../core/options/index.ts'
import type { Network } from '../../core/trainer.ts'
import { type Latency, type LatencyOptions, latencyOf } from './latency.ts'
import { costOf, type LayerCost, type LayerRow, withBits } from './layer-table.ts'
import { layersOf } from './network-layers.ts'

/** Bits of all layers, or of each layer by name ('*' for those not named). Default: 32. */
export type Bits = number | Readonly<Record<string, number>>

export interface BitOptions {
  readonly weights?: Bits
  readonly activations?: Bits
}

export interface NetworkProfile extends LayerCost {
  readonly layers: readonly LayerRow[]
  readonly latency?: Latency
}

const bitsOf = (bits: Bits | undefined, name: string): number | undefined =>
  typeof bits === 'number' || bits === undefined ? bits : (bits[name] ?? bits['*'])

const layersAt = async (network: Network, { weights, activations }: BitOptions): Promise<LayerRow[]> =>
  withBits(await layersOf(network), ({ name }) => {
    const [w, a] = [bitsOf(weights, name), bitsOf(activations, name)]
    return { ...(w !== undefined && { weights: w }), ...(a !== undefined && { activations: a }) }
  })

const profileNetworkNames = optionNames<BitOptions & { readonly latency?: boolean | LatencyOptions }>(
  'profileNetwork',
  { weights: true, activations: true, latency: true },
)

/**
 * Measures the cost of one image from a traced forward pass. Parameters are all trained values; bytes are the kernels
 * at their bits, and four for every other value, including running statistics. Errors: ARCHLOOM_PROFILE_LAYER_TABLE,
 * ARCHLOOM_OPTION.
 */
export async function profileNetwork(
  network: Network,
  options: BitOptions & { readonly latency?: boolean | LatencyOptions } = {},
): Promise<NetworkProfile> {
  profileNetworkNames(options)
  const layers = await layersAt(network, options)
  const counted = costOf(layers.map(({ others: _, ...row }) => row))
  // A kernel that runs twice is stored once.
  const kernels = costOf(layers.filter(({ name }) => !/:\d+$/.test(name)).map(({ others: _, ...row }) => row))
  const all = [...network.trainable, ...network.state].reduce((sum, { size }) => sum + size, 0)
  const { latency } = options
  return {
    multiplyAdds: counted.multiplyAdds,
    bops: counted.bops,
    parameters: network.trainable.reduce((sum, { size }) => sum + size, 0),
    bytes: kernels.bytes + 4 * Math.max(0, all - kernels.parameters),
    layers,
    ...(latency && { latency: await latencyOf(network, latency === true ? {} : latency) }),
  }
}

/** Measures a number on a trained network. As an entry of `metrics` of trainFromScratch() it can be an objective. */
type NetworkMetric = (trained: { readonly network: Network }) => Promise<number>

/** Bit operations of one image. */
export const bops =
  (bits: BitOptions = {}): NetworkMetric =>
  async ({ network }) =>
    (await profileNetwork(network, bits)).bops

/** Bytes that the weights take at these bits. */
export const bytes =
  (bits: BitOptions = {}): NetworkMetric =>
  async ({ network }) =>
    (await profileNetwork(network, bits)).bytes

/** Multiply-adds for one image, counted from a traced forward pass, for spaces without a cost function. */
export const multiplyAdds =
  (): NetworkMetric =>
  async ({ network }) =>
    (await profileNetwork(network)).multiplyAdds

const latencyMsNames = optionNames<LatencyOptions>('latencyMs', {
  batchSize: true,
  repeats: true,
  warmUp: true,
  now: true,
})

/** Median milliseconds of a forward pass on the current engine. */
export const latencyMs = (options: LatencyOptions = {}): NetworkMetric => {
  latencyMsNames(options)
  return async ({ network }) => (await latencyOf(network, options)).milliseconds
}
