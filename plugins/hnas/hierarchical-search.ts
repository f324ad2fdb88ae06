import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { type Batch, type EventDraft, type Genotype, measureTrials } from '../../core/index.ts'
import { categoricalPolicy } from '../../core/policy/index.ts'
import { adam, l1Loss } from '../../core/tensor/index.ts'
import { batchesOf } from '../../evaluators/training/batches.ts'
import { writeComparison } from '../../evaluators/upscaling/index.ts'
import { decidingOf, stagedSearch, watchedTrials } from '../../evaluators/weight-sharing/index.ts'
import { bicubicUpsampling } from '../../search-spaces/super-resolution/index.ts'
import { hierarchyOf } from './hierarchy.ts'
import { deciding, type ReadHnasOptions } from './options.ts'
import { policyLearner } from './policy-learner.ts'
import { byteError, decibels, jointReward, rewardBorder } from './reward.ts'
import type { SharedUpscaling } from './upscaling-evaluator.ts'

/**
 * Guo et al. (arXiv:2003.04619): epochs of weight steps (L1, one drawn architecture per batch) alternate with epochs
 * of policy steps on held-out images, whose reward combines the PSNR and the cost of the measured architecture. At the
 * end some architectures are drawn and measured on whole held-out images. All random numbers derive from the epoch, so
 * that a search resumed from a checkpoint continues as if it had never stopped.
 */
export const hierarchicalSearch = (options: ReadHnasOptions) =>
  stagedSearch('hnas', options, (parts) => {
    const { space, rng } = parts
    // The plugin needs 'shared-upscaling', so other evaluators are refused when the search is composed.
    const shared = parts.evaluator as SharedUpscaling
    const { upscalers, batchSize, train, validation } = shared
    const { tradeOff, costUnit, epochs, weightSteps, policySteps, learningRate } = options
    const warmUpEpochs = options.warmUp.epochs
    const hierarchy = hierarchyOf(space)
    const learner = policyLearner(hierarchy, rng.fork('controller'), options.controller)
    const uniform = categoricalPolicy(hierarchy.process)
    const border = rewardBorder(train.scale)
    const bicubic = bicubicUpsampling({ factor: train.scale })
    const architectureOf = (choices: Genotype) => space.decode(hierarchy.toGenotype(choices))
    const costOf = (choices: Genotype) => shared.multiplyAdds(architectureOf(choices)) / costUnit
    const batches = (split: typeof train | typeof validation, steps: number, drawn: typeof rng) => {
      const order = drawn.fork('batches')
      return batchesOf(split, {
        batchSize,
        steps,
        dropRemainder: false,
        order: (pass) => order.fork(`pass ${pass}`),
      })
    }

    /** PSNR of the bicubic enlargement of the same batch. */
    const startingPoint = async ({ inputs, targets }: Batch): Promise<number> => {
      if (!options.aboveBicubic) return 0
      const square = tf.tidy(() => byteError(bicubic(inputs, { training: false }), targets, border))
      try {
        return decibels((await square.data())[0] as number)
      } finally {
        square.dispose()
      }
    }

    /** Writes an image right after the architecture was measured, while its statistics are on the path. */
    async function pictured(trial: number, architecture: unknown, folder: string): Promise<EventDraft> {
      const pair = validation.pairs[0] as (typeof validation.pairs)[number]
      const picture = join(folder, `trial-${trial}.png`)
      await writeComparison(picture, pair, await shared.enlarged(architecture, pair.lr))
      return { type: 'plugin.event', plugin: 'hnas', name: 'picture', facts: { trial, picture, image: pair.name } }
    }

    async function* trialsOf(proposals: Parameters<typeof measureTrials>[0]): AsyncGenerator<EventDraft> {
      for await (const event of measureTrials(proposals, parts)) {
        yield event
        if (event.type === 'trial.completed' && options.images)
          yield await pictured(event.trial, space.decode(event.genotype), options.images.directory)
      }
    }

    const facts = { weightSteps, policySteps, batchSize, tradeOff, costUnit }
    return {
      supernet: upscalers,
      data: { train, validation, batchSize, statistics: 'batch' },
      stages: [{ name: 'supernet', warmUpEpochs, epochs, facts }],
      optimizer: () => adam({ learningRate }),
      training: { steps: weightSteps * (warmUpEpochs + epochs) },
      deciding: decidingOf(options, deciding),
      strategy(trainer, watch) {
        const rated: { learningRate?: number } = trainer.optimizer as object
        return {
          async *weights({ index, warmUp }) {
            const drawn = rng.fork(`weights ${index}`)
            const rate = learningRate * (0.01 + 0.495 * (1 + Math.cos((Math.PI * index) / (warmUpEpochs + epochs))))
            if (rated.learningRate !== undefined) rated.learningRate = rate
            for (const batch of batches(train, weightSteps, drawn)) {
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
            }
          },
          async *policy({ index }) {
            const drawn = rng.fork(`policy ${index}`)
            learner.enterEpoch(index)
            for (const batch of batches(validation, policySteps, drawn)) {
              try {
                const { genotype: choices } = learner.policy.sample(drawn)
                const psnr = (await shared.rewardPsnr(architectureOf(choices), batch)) - (await startingPoint(batch))
                const cost = costOf(choices)
                yield { ...learner.update(choices, jointReward(tradeOff, psnr, cost)), psnr, cost }
              } finally {
                tf.dispose([batch.inputs, batch.targets])
              }
            }
          },
          async *derive(): AsyncGenerator<EventDraft> {
            const drawn = rng.fork('derive')
            const proposals = Array.from({ length: options.candidates }, () => {
              const { genotype, logProbability } = learner.policy.sample(drawn)
              return { genotype: hierarchy.toGenotype(genotype), logProbability }
            })
            const likeliest = learner.policy.mode()
            yield* watch.entropy(likeliest.entropy, uniform.score(likeliest.genotype).entropy)
            yield* watchedTrials(trialsOf(proposals), watch)
          },
          save: () => learner.snapshot(),
          restore: (saved) => learner.restore(saved),
        }
      },
    }
  })
