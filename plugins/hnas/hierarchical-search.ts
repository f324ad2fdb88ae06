import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import {
  type Algorithm,
  alternate,
  type Batch,
  type EventDraft,
  type Genotype,
  type Json,
  measureTrials,
  type OneShotEpoch,
  type Random,
  type Split,
} from '../../core/index.ts'
import { categoricalPolicy } from '../../core/policy/index.ts'
import { adam, l1Loss } from '../../core/tensor/index.ts'
import { writeComparison } from '../../evaluators/upscaling/index.ts'
import {
  type CheckpointIdentity,
  collapseWatch,
  courseOf,
  readCheckpoint,
  tapping,
  type WeightOptimizer,
  weightTrainer,
  writeCheckpoint,
} from '../../evaluators/weight-sharing/index.ts'
import { bicubicUpsampling } from '../../search-spaces/super-resolution/index.ts'
import { hierarchyOf } from './hierarchy.ts'
import type { ReadHnasOptions } from './options.ts'
import { policyLearner } from './policy-learner.ts'
import { byteError, decibels, jointReward, rewardBorder } from './reward.ts'
import type { SharedUpscaling } from './upscaling-evaluator.ts'

/** `steps` batches of a split, in as many passes as that takes. */
function* batchesOf(split: Split, batchSize: number, steps: number, rng: Random): Generator<Batch> {
  let left = steps
  for (let pass = 0; left > 0; pass++)
    for (const batch of split.batches({ batchSize, rng: rng.fork(`pass ${pass}`) })) {
      yield batch
      if (--left === 0) break
    }
}

const eventLoopTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * Guo et al. (arXiv:2003.04619): epochs of weight steps (L1, one architecture drawn a batch) alternate with epochs of
 * policy steps on held-out images, whose reward weighs PSNR against the cost of the architecture that was measured. In
 * the end some architectures are drawn, and each is measured on whole held-out images. All randomness is named by the
 * epoch: a search resumed from a checkpoint goes on as if it had never stopped.
 */
export const hierarchicalSearch = (options: ReadHnasOptions, change: WeightOptimizer | undefined): Algorithm =>
  async function* (parts) {
    const { space, rng } = parts
    // The plugin needs 'shared-upscaling': other evaluators are refused when the search is composed.
    const shared = parts.evaluator as SharedUpscaling
    const { upscalers, batchSize, train, validation } = shared
    const { tradeOff, costUnit, epochs, weightSteps, policySteps, learningRate } = options
    const warmUpEpochs = options.warmUp.epochs
    const hierarchy = hierarchyOf(space)
    const learner = policyLearner(hierarchy, rng.fork('controller'), options.controller)
    const uniform = categoricalPolicy(hierarchy.process)
    const watch = collapseWatch(space, options.collapse)
    const border = rewardBorder(train.scale)
    const bicubic = bicubicUpsampling({ factor: train.scale })
    const own = () => adam({ learningRate })
    using trainer = weightTrainer(upscalers, {
      optimizer: change ? change(own) : tapping(own),
      steps: weightSteps * (warmUpEpochs + epochs),
    })
    const rated: { learningRate?: number } = trainer.optimizer as object

    const { checkpoint } = options
    const { checkpoint: _, collapse: __, reportEvery: ___, images: ____, ...deciding } = options
    const identity: CheckpointIdentity = {
      method: 'hnas',
      space: space.fingerprint,
      spaceName: space.name,
      settings: JSON.stringify({
        ...deciding,
        ...courseOf({ train, validation, batchSize, statistics: 'batch' }, trainer),
        rng: rng.fork('identity').float(),
      }),
    }
    const found = checkpoint && readCheckpoint(checkpoint.directory, identity)
    let done = 0
    let policyUpdates = 0
    if (found) {
      upscalers.load(found.weights)
      await trainer.load(found.optimizer)
      const state = found.state as { readonly epochs: number; readonly policySteps: number; readonly policy: Json }
      learner.restore(state.policy)
      done = state.epochs
      policyUpdates = state.policySteps
    }

    const architectureOf = (choices: Genotype) => space.decode(hierarchy.toGenotype(choices))
    const costOf = (choices: Genotype) => shared.multiplyAdds(architectureOf(choices)) / costUnit

    async function* weights({ index, warmUp }: OneShotEpoch) {
      const drawn = rng.fork(`weights ${index}`)
      const rate = learningRate * (0.01 + 0.495 * (1 + Math.cos((Math.PI * index) / (warmUpEpochs + epochs))))
      if (rated.learningRate !== undefined) rated.learningRate = rate
      for (const batch of batchesOf(train, batchSize, weightSteps, drawn.fork('batches'))) {
        try {
          const choices = (warmUp ? uniform : learner.policy).sample(drawn).genotype
          const path = upscalers.path(architectureOf(choices))
          const loss = await trainer.descend(
            path.trainable,
            (mode) => l1Loss(path.apply(batch.inputs, mode), batch.targets),
            drawn,
          )
          yield { loss, learningRate: rate, warmUp: warmUp ? 1 : 0 }
        } finally {
          tf.dispose([batch.inputs, batch.targets])
        }
        await eventLoopTurn()
      }
    }

    /** PSNR of the bicubic enlargement of the same batch: what any architecture starts from. */
    const startingPoint = async ({ inputs, targets }: Batch): Promise<number> => {
      if (!options.aboveBicubic) return 0
      const square = tf.tidy(() => byteError(bicubic(inputs, { training: false }), targets, border))
      try {
        return decibels((await square.data())[0] as number)
      } finally {
        square.dispose()
      }
    }

    async function* policy({ index }: OneShotEpoch) {
      const drawn = rng.fork(`policy ${index}`)
      learner.enterEpoch(index)
      for (const batch of batchesOf(validation, batchSize, policySteps, drawn.fork('batches'))) {
        try {
          const { genotype: choices } = learner.policy.sample(drawn)
          const psnr = (await shared.rewardPsnr(architectureOf(choices), batch)) - (await startingPoint(batch))
          const cost = costOf(choices)
          policyUpdates++
          yield { ...learner.update(choices, jointReward(tradeOff, psnr, cost)), psnr, cost }
        } finally {
          tf.dispose([batch.inputs, batch.targets])
        }
        await eventLoopTurn()
      }
    }

    /** Right after the architecture was measured: its statistics are still on the path. */
    async function pictured(trial: number, architecture: unknown, folder: string): Promise<EventDraft> {
      const pair = validation.pairs[0] as (typeof validation.pairs)[number]
      const picture = join(folder, `trial-${trial}.png`)
      await writeComparison(picture, pair, await shared.enlarged(architecture, pair.lr))
      return { type: 'plugin.event', plugin: 'hnas', name: 'picture', facts: { trial, picture, image: pair.name } }
    }

    async function* derive(): AsyncGenerator<EventDraft> {
      const drawn = rng.fork('derive')
      const proposals = Array.from({ length: options.candidates }, () => {
        const { genotype, logProbability } = learner.policy.sample(drawn)
        return { genotype: hierarchy.toGenotype(genotype), logProbability }
      })
      const likeliest = learner.policy.mode()
      yield* watch.entropy(likeliest.entropy, uniform.score(likeliest.genotype).entropy)
      let best: { readonly genotype: Genotype; readonly reward: number } | undefined
      for await (const event of measureTrials(proposals, parts)) {
        if (event.type === 'trial.completed' && !(best && best.reward >= event.reward)) best = event
        yield event
        if (event.type === 'trial.completed' && options.images)
          yield await pictured(event.trial, space.decode(event.genotype), options.images.folder)
      }
      if (best) yield* watch.architecture(best.genotype, 'the derived architecture')
    }

    async function saved(epoch: number, last: boolean) {
      if (!checkpoint || !(last || epoch % checkpoint.everyEpochs === 0)) return undefined
      return writeCheckpoint(checkpoint.directory, identity, {
        weights: await upscalers.save(),
        optimizer: await trainer.save(),
        state: { epochs: epoch, policySteps: policyUpdates, policy: learner.snapshot() },
      })
    }

    const facts = { weightSteps, policySteps, batchSize, tradeOff, costUnit }
    const stages = [{ name: 'supernet', warmUpEpochs, epochs, facts }]
    const before = { weights: trainer.steps, policy: policyUpdates }
    return yield* alternate({ stages, done, before, enter: () => {}, weights, policy, saved, derive }, parts, options)
  }
