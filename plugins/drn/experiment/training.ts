import * as tf from '@tensorflow/tfjs-core'
import { type Random, seeded } from '../../../core/random.ts'
import type { SavedWeight, Split } from '../../../core/trainer.ts'
import { downscaleBicubic } from '../../../evaluators/data/images/bicubic.ts'
import type { PatchSplit, Picture, PicturePair } from '../../../evaluators/data/images/index.ts'
import { psnr, upscaled } from '../../../evaluators/metrics/index.ts'
import type { ScopedUpscalingNetwork } from '../../../search-spaces/super-resolution/index.ts'
import { bicubicDuals, type DualNetworks, dualNetworks } from '../dual.ts'
import { buildDrn } from '../network.ts'
import { type DualRegressionOptions, dualRegressionTrainer } from '../trainer.ts'
import type { Plan, Variant } from './plan.ts'

export const SCALE = 4

/** Images of one place (its enlargement and what it was shrunk from) against each other, in dB. */
export interface Quality {
  readonly psnr: number
  /** PSNR between the result, made small again, and the small image. */
  readonly consistency: number
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

export async function qualityOf(
  network: ScopedUpscalingNetwork,
  pairs: readonly PicturePair[],
  shrink: (image: Picture) => Picture = (image) => downscaleBicubic(image, SCALE),
): Promise<Quality> {
  const each: Quality[] = []
  for (const { lr, hr } of pairs) {
    const result = await upscaled((x) => network.upscale(x, { training: false }), lr)
    each.push({ psnr: psnr(result, hr, { border: SCALE }), consistency: psnr(shrink(result), lr) })
  }
  return { psnr: mean(each.map((one) => one.psnr)), consistency: mean(each.map((one) => one.consistency)) }
}

/** P and D after training; both are the caller's. */
export interface Trained extends Disposable {
  readonly network: ScopedUpscalingNetwork
  readonly duals: DualNetworks
}

/** Seeds make initial weights and batches: runs of one seed differ in what they are told only. */
const initial = (plan: Plan, seed: number): ScopedUpscalingNetwork => {
  const { features, blocks, shortcut, patch } = plan
  return buildDrn({
    scale: SCALE,
    features,
    blocks,
    shortcut,
    input: [patch, patch, 3],
    rng: seeded(`drn/network/${seed}`),
  })
}

interface Fit {
  readonly steps: number
  readonly batchSize: number
  readonly rng: Random
  readonly signal: AbortSignal
}

async function trainOn(
  network: ScopedUpscalingNetwork,
  data: Split<'train'>,
  options: DualRegressionOptions,
  { steps, batchSize, rng, signal }: Fit,
): Promise<void> {
  const epochs = steps / Math.max(1, Math.floor(data.size / batchSize))
  const trainer = dualRegressionTrainer({ batchSize, reportEvery: 100, ...options })
  for await (const _ of trainer.fit(network, data, { epochs, rng, signal })) signal.throwIfAborted()
}

/** One run of the sweep. */
export async function trained(
  plan: Plan,
  variant: Variant,
  { seed, data, signal }: { seed: number; data: PatchSplit<'train'>; signal: AbortSignal },
): Promise<Trained> {
  const network = initial(plan, seed)
  const { steps, batchSize, learningRate, dualLearningRate } = plan
  const { dualWeight } = variant
  const duals =
    variant.duals === 'bicubic' ? bicubicDuals(SCALE) : dualNetworks({ scale: SCALE, rng: seeded(`drn/duals/${seed}`) })
  const rng = seeded(`drn/batches/${seed}`)
  await trainOn(network, data, { dualWeight, duals, learningRate, dualLearningRate }, { steps, batchSize, rng, signal })
  return owned(network, duals)
}

const owned = (network: ScopedUpscalingNetwork, duals: DualNetworks): Trained => ({
  network,
  duals,
  [Symbol.dispose]() {
    network[Symbol.dispose]()
    duals[Symbol.dispose]()
  },
})

/** A pair that was saved by `scope.save()` of both. */
export function restored(
  plan: Plan,
  { network, duals }: { readonly network: readonly SavedWeight[]; readonly duals: readonly Float32Array[] },
  seed: number,
): Trained {
  const copy = initial(plan, seed)
  copy.scope.load(network)
  const others = dualNetworks({ scale: SCALE, rng: seeded(`drn/duals/${seed}`) })
  tf.tidy(() => {
    others.trainable.forEach((variable, i) => {
      variable.assign(tf.tensor(duals[i]!, variable.shape))
    })
  })
  return owned(copy, others)
}

/** A second P and D with the same weights. */
async function copyOf(plan: Plan, { network, duals }: Trained, seed: number): Promise<Trained> {
  const copy = initial(plan, seed)
  copy.scope.load(await network.scope.save())
  const others = dualNetworks({ scale: SCALE, rng: seeded(`drn/duals/${seed}`) })
  tf.tidy(() => {
    others.trainable.forEach((variable, i) => {
      variable.assign(tf.clone(duals.trainable[i] as unknown as tf.Tensor))
    })
  })
  return owned(copy, others)
}

/**
 * Goes on from a trained pair: with `unpaired` by Algorithm 1, without by the same steps on the same paired images only.
 */
export async function adapted(
  plan: Plan,
  from: Trained,
  given: {
    seed: number
    data: PatchSplit<'train'>
    unpaired?: Split<'train'>
    /** The way back of the unpaired images; default: the learnt duals. */
    wayBack?: Pick<DualRegressionOptions, 'unpairedDuals' | 'unpairedWeight'>
    signal: AbortSignal
  },
): Promise<Trained> {
  const { seed, data, unpaired, wayBack, signal } = given
  const { steps, learningRate, unpairedRatio } = plan.adaptation
  const copy = await copyOf(plan, from, seed)
  const paired = plan.batchSize - Math.round(plan.batchSize * unpairedRatio)
  const share = unpaired ? { batchSize: plan.batchSize, unpaired, unpairedRatio } : { batchSize: paired }
  const options = {
    dualWeight: 0.1,
    duals: copy.duals,
    learningRate,
    dualLearningRate: learningRate,
    ...share,
    ...wayBack,
  }
  const rng = seeded(`drn/adaptation/${seed}`)
  await trainOn(copy.network, data, options, { steps, batchSize: paired, rng, signal })
  return copy
}
