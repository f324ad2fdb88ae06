import * as tf from '@tensorflow/tfjs-core'
import { type Network, realClock } from '../../core/index.ts'
import { optionNames, pickOptions } from '../../core/options/index.ts'
import { adam, momentum } from '../../core/tensor/index.ts'
import {
  type BitChoice,
  bopsOf,
  checkTarget,
  FLOAT_BITS,
  type GraphNode,
  type LayerBits,
  type LayerGraph,
  type MultiPathNetwork,
  type MultiPathOptions,
  multiPathNetwork,
  type QuantisedModel,
  randomChoice,
  type SuperBitNetworkOptions,
  type SuperBitPlan,
  superBitNetwork,
  uniformChoice,
} from '../../search-spaces/compression/index.ts'
import { deriveModel } from './derive.ts'
import { searchLoop } from './loop.ts'
import { resolve, type SearchOptions } from './options.ts'
import { type AbsSearchOptions, absSearch, type Compression, graphOf, SUPER_BIT } from './search.ts'

/** Baselines take what `absSearch` takes, and use what applies to them. */
const searchNames: { readonly [K in keyof AbsSearchOptions]-?: true } = {
  data: true,
  steps: true,
  batchSize: true,
  learningRate: true,
  thresholdRate: true,
  lambda: true,
  target: true,
  weightDecay: true,
  rng: true,
  clock: true,
  signal: true,
  report: true,
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
  weightClip: true,
  activationClip: true,
  weightScale: true,
  calibration: true,
  alternate: true,
  ceiling: true,
  refreshEvery: true,
  calibrateClips: true,
}

type Source = Network | LayerGraph
type StartOptions = Pick<AbsSearchOptions, 'data' | 'batchSize' | 'rng'> & Omit<SuperBitNetworkOptions, 'prune'>

/** A network with bits that were not searched; clips start from one batch. */
async function withBits(
  network: Source,
  options: StartOptions,
  choose: (plan: SuperBitPlan) => BitChoice,
): Promise<QuantisedModel> {
  using net = superBitNetwork(await graphOf(network), {
    ...pickOptions<SuperBitNetworkOptions, (typeof SUPER_BIT)[number]>(options, SUPER_BIT),
    prune: false,
  })
  net.choice = choose(net.plan)
  for (const { inputs, targets } of options.data.batches({ batchSize: options.batchSize ?? 128, rng: options.rng })) {
    tf.tidy(() => net.calibrateClips(inputs))
    inputs.dispose()
    targets.dispose()
    break
  }
  return await deriveModel(net, net.choice)
}

const uniformBitsNames = optionNames<AbsSearchOptions>('uniformBits', searchNames)

/** Baseline: the same bits in every layer; the first and the last keep `edgeBits`. 32: full precision. */
export const uniformBits = (network: Source, bits: number, options: StartOptions): Promise<QuantisedModel> => {
  uniformBitsNames(options)
  return withBits(network, options, (plan) => uniformChoice(plan, bits))
}

const randomBitsNames = optionNames<AbsSearchOptions>('randomBits', searchNames)

/** Baseline: random bits that cost just below a share of full precision, nothing pruned. */
export const randomBits = (network: Source, share: number, options: StartOptions): Promise<QuantisedModel> => {
  randomBitsNames(options)
  return withBits(network, options, (plan) => randomChoice(plan, share, options.rng.fork('bits')))
}

export interface TwoStageOptions extends AbsSearchOptions {
  readonly target: number
  /** Share of full-precision BOPs that pruning alone leaves, at 32 bits. Default 0.8. */
  readonly pruned?: number
}

const pruneThenQuantiseNames = optionNames<TwoStageOptions>('pruneThenQuantise', {
  data: true,
  steps: true,
  batchSize: true,
  learningRate: true,
  thresholdRate: true,
  lambda: true,
  target: true,
  weightDecay: true,
  rng: true,
  clock: true,
  signal: true,
  report: true,
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
  weightClip: true,
  activationClip: true,
  weightScale: true,
  calibration: true,
  alternate: true,
  ceiling: true,
  refreshEvery: true,
  calibrateClips: true,
  pruned: true,
})

/** Baseline: filters first (ABS-P, half of the steps), then bits of what is left (ABS-Q, the other half). */
export async function pruneThenQuantise(network: Source, options: TwoStageOptions): Promise<Compression> {
  pruneThenQuantiseNames(options)
  const { target, pruned = 0.8, ...search } = options
  const steps = Math.max(1, Math.round(resolve(options).steps / 2))
  const first = await absSearch(network, { ...search, steps, target: pruned, quantise: false })
  const { graph, fullBops } = first.model
  // The share of a smaller network that is the same cost.
  const rest = Math.min(1, target / pruningShare(first))
  const second = await absSearch(graph, { ...search, steps, target: rest, prune: false })
  const share = second.model.bops / fullBops
  return {
    ...second,
    model: { ...second.model, kept: first.model.kept, fullBops },
    ...{ choice: { ...second.choice, kept: first.choice.kept }, share },
    searchSeconds: first.searchSeconds + second.searchSeconds,
    liveBytes: Math.max(first.liveBytes, second.liveBytes),
  }
}

const pruningShare = ({ model }: Compression) => model.bops / model.fullBops

const multiPathSearchNames = optionNames<AbsSearchOptions>('multiPathSearch', searchNames)

/** Baseline: one path a width, weighed by a softmax (DNAS); searches bits alone. Meets `target` where one is given. */
export async function multiPathSearch(
  network: Source,
  options: SearchOptions & MultiPathOptions,
): Promise<Compression> {
  multiPathSearchNames(options)
  const { clock = realClock, target } = options
  using net = multiPathNetwork(
    await graphOf(network),
    pickOptions(options, ['ladder', 'edgeBits', 'weightClip', 'activationClip', 'weightScale']),
  )
  const limit = target === undefined ? Number.POSITIVE_INFINITY : checkTarget(net.plan, target)
  const began = clock.now()
  const { lambda, liveBytes } = await searchLoop(
    {
      net,
      deciding: net.mixtures.filter((each) => each !== undefined),
      variables: () => net.trainable,
      search: (x) => net.search(x),
      optimizers: ({ learningRate, weightDecay, thresholdRate }) => ({
        weights: momentum({ learningRate, nesterov: true, weightDecay, decays: ({ rank }) => rank > 1 }),
        // Adam, as in DNAS: logits of a mixture move by about the rate in each step.
        deciding: adam({ learningRate: Math.min(thresholdRate, 0.05) }),
      }),
      before: (x) => net.calibrateClips(x),
      afterStep: () => {},
    },
    options,
  )
  const choice = likeliestWithin(net, limit)
  const model = await deriveModel(net, choice)
  const bops = bopsOf(net.plan, choice)
  return {
    model: withPaths(model, choice, await savedPaths(net)),
    ...{ choice, share: bops / net.plan.fullBops, lambda, flicker: 0, liveBytes },
    searchSeconds: (clock.now() - began) / 1000,
  }
}

/** The likeliest widths, with logits lowered in proportion to the cost of their path until the whole fits. */
function likeliestWithin({ plan, mixtures }: MultiPathNetwork, limit: number): BitChoice {
  const { ladder } = plan
  const most = (ladder.at(-1) as number) ** 2
  const at = (penalty: number): BitChoice => ({
    kept: [],
    bits: uniformChoice(plan, ladder[0] as number).bits.map((edge, l): LayerBits => {
      const logits = mixtures[l]?.dataSync()
      if (!logits) return edge
      const lowered = [...logits].map((logit, k) => logit - (penalty * (ladder[k] as number) ** 2) / most)
      const bits = ladder[lowered.indexOf(Math.max(...lowered))] as number
      return { weights: bits, activations: bits }
    }),
  })
  let [below, above] = [0, 1]
  const fits = (penalty: number) => bopsOf(plan, at(penalty)) <= limit
  if (fits(0)) return at(0)
  while (!fits(above) && above < 1e6) [below, above] = [above, above * 2]
  for (let halving = 0; halving < 20; halving++) {
    const middle = (below + above) / 2
    if (fits(middle)) above = middle
    else below = middle
  }
  return at(above)
}

const path = (name: string) => name.split('/').filter(Boolean).join('/')

const savedPaths = async ({ scope }: MultiPathNetwork) =>
  new Map((await scope.save()).map(({ name, shape, data }) => [name, { shape, data }]))

/** Kernels and clips of the chosen paths. */
function withPaths(
  model: QuantisedModel,
  { bits }: BitChoice,
  saved: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
): QuantisedModel {
  const widthOf = new Map(model.layers.map(({ name }, l) => [name, (bits[l] as LayerBits).weights]))
  const of = (name: string, which: string) =>
    saved.get(`${path(name)}/bits_${widthOf.get(name) ?? FLOAT_BITS}/${which}`)
  const nodes = model.graph.nodes.map((node): GraphNode => {
    const [kernel, bias] = [of(node.name, 'kernel'), of(node.name, 'bias')]
    return kernel ? ({ ...node, kernel, ...(bias && { bias }) } as GraphNode) : node
  })
  return {
    ...model,
    graph: { ...model.graph, nodes },
    layers: model.layers.map((layer) => ({
      ...layer,
      weightClip: Math.abs(of(layer.name, 'weight_clip')?.data[0] ?? layer.weightClip),
      activationClip: Math.abs(of(layer.name, 'activation_clip')?.data[0] ?? layer.activationClip),
    })),
  }
}
