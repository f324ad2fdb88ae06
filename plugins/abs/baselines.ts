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
import { type BopsTarget, resolve, type SearchOptions } from './options.ts'
import { type AbsSearchOptions, absSearch, type Compression, graphOf, SEARCH_OPTIONS, SUPER_BIT } from './search.ts'

type Source = Network | LayerGraph
type StartOptions = Pick<AbsSearchOptions, 'data' | 'batchSize' | 'rng'> & Omit<SuperBitNetworkOptions, 'prune'>

/** Makes a network with given bits. Clip values are initialised from one batch. */
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

/** Baselines accept the options of `absSearch` and use those that apply to them. */
const uniformBitsNames = optionNames<AbsSearchOptions>('uniformBits', SEARCH_OPTIONS)

/**
 * Baseline: the same bits in every layer; the first and the last layer keep `edgeBits`. 32 bits mean full precision.
 */
export const uniformBits = (network: Source, bits: number, options: StartOptions): Promise<QuantisedModel> => {
  uniformBitsNames(options)
  return withBits(network, options, (plan) => uniformChoice(plan, bits))
}

const randomBitsNames = optionNames<AbsSearchOptions>('randomBits', SEARCH_OPTIONS)

/** Baseline: random bits whose cost is just below a share of full precision, without pruning. */
export const randomBits = (network: Source, share: number, options: StartOptions): Promise<QuantisedModel> => {
  randomBitsNames(options)
  return withBits(network, options, (plan) => randomChoice(plan, share, options.rng.fork('bits')))
}

export interface TwoStageOptions extends AbsSearchOptions {
  readonly target: BopsTarget
  /** Share of full-precision BOPs that remains after pruning, at 32 bits. Default: 0.8. */
  readonly pruned?: number
}

const pruneThenQuantiseNames = optionNames<TwoStageOptions>('pruneThenQuantise', {
  ...SEARCH_OPTIONS,
  pruned: true,
})

/** Baseline: first filters (ABS-P, half of the steps), then the bits of the pruned network (ABS-Q, the other half). */
export async function pruneThenQuantise(network: Source, options: TwoStageOptions): Promise<Compression> {
  pruneThenQuantiseNames(options)
  const { target, pruned = 0.8, ...search } = options
  const steps = Math.max(1, Math.round(resolve(options).steps / 2))
  const first = await absSearch(network, { ...search, steps, target: { bops: pruned }, quantise: false })
  const { graph, fullBops } = first.model
  // The share of the smaller network with the same cost.
  const rest = Math.min(1, target.bops / pruningShare(first))
  const second = await absSearch(graph, { ...search, steps, target: { bops: rest }, prune: false })
  const share = second.model.bops / fullBops
  return {
    ...second,
    model: { ...second.model, kept: first.model.kept, fullBops },
    choice: { ...second.choice, kept: first.choice.kept },
    share,
    searchSeconds: first.searchSeconds + second.searchSeconds,
    liveBytes: Math.max(first.liveBytes, second.liveBytes),
  }
}

const pruningShare = ({ model }: Compression) => model.bops / model.fullBops

const multiPathSearchNames = optionNames<AbsSearchOptions>('multiPathSearch', SEARCH_OPTIONS)

/**
 * Baseline: one path per width, weighted by a softmax (DNAS). It searches bits only, and meets `target` if one is
 * given.
 */
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
  const limit = target === undefined ? Number.POSITIVE_INFINITY : checkTarget(net.plan, target.bops)
  const began = clock.now()
  const { lambda, liveBytes } = await searchLoop(
    {
      net,
      deciding: net.mixtures.filter((each) => each !== undefined),
      variables: () => net.trainable,
      search: (x) => net.search(x),
      optimizers: ({ learningRate, weightDecay, thresholdLearningRate }) => ({
        weights: momentum({ learningRate, nesterov: true, weightDecay, decays: ({ rank }) => rank > 1 }),
        // Adam as in DNAS, with which logits of a mixture move by about the learning rate per step.
        deciding: adam({ learningRate: Math.min(thresholdLearningRate, 0.05) }),
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
    choice,
    share: bops / net.plan.fullBops,
    lambda,
    flicker: 0,
    liveBytes,
    searchSeconds: (clock.now() - began) / 1000,
  }
}

/**
 * The most probable widths, with logits lowered in proportion to the cost of their path until the network fits the
 * limit.
 */
function likeliestWithin({ plan, mixtures }: MultiPathNetwork, limit: number): BitChoice {
  const { ladder } = plan
  const most = (ladder.at(-1) as number) ** 2
  const at = (penalty: number): BitChoice => ({
    kept: [],
    bits: uniformChoice(plan, ladder[0] as number).bits.map((edge, l): LayerBits => {
      const logits = mixtures[l]?.dataSync()
      if (!logits) return edge
      const lowered = [...logits].map((logit, k) => logit - (penalty * ladder[k]! ** 2) / most)
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

/** The model with the kernels and clip values of the chosen paths. */
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
