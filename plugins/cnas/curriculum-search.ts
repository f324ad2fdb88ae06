import { type EventDraft, type Genotype, type Json, measureTrials, type OneShotStage } from '../../core/index.ts'
import { categoricalPolicy } from '../../core/policy/index.ts'
import { batchesOf } from '../../evaluators/training/batches.ts'
import {
  decidingOf,
  disturbanceWatch,
  sharedSgd,
  sharedWeightsOf,
  stagedSearch,
  watchedTrials,
} from '../../evaluators/weight-sharing/index.ts'
import { type GrowingSpace, growingSpace } from './growing-space.ts'
import { deciding, type ReadCnasOptions } from './options.ts'
import { policyLearner } from './policy-learner.ts'

function stagesOf(growing: GrowingSpace, { warmUp, epochs }: ReadCnasOptions): OneShotStage[] {
  const warmUpEpochs = warmUp.epochs
  return Array.from({ length: growing.stages }, (_, stage) => {
    const operations = growing.operationsIn(stage)
    const nodes = growing.nodesIn(stage)
    const size = growing.sizeOf(stage)
    const facts: Record<string, Json> = {
      operations: [...operations],
      ...(nodes !== undefined && { nodes }),
      ...(size !== undefined && { size: `${size}` }),
      warmUpEpochs,
      epochs,
    }
    const words = [`${operations.length} operations`, ...(nodes === undefined ? [] : [`${nodes} nodes`])]
    return { name: words.join(', '), warmUpEpochs, epochs, facts }
  })
}

/**
 * Guo et al., algorithm 1: for each of the growing spaces Ω₁ ⊂ Ω₂ ⊂ …, it warms up the shared weights with uniformly
 * drawn architectures, then alternates epochs of weight steps and policy steps. Nothing is reset between stages. A
 * fixed space has one stage. All random numbers derive from the epoch, so that a search resumed from a checkpoint
 * continues exactly as if it had never stopped.
 */
export const curriculumSearch = (options: ReadCnasOptions) =>
  stagedSearch('cnas', options, (parts) => {
    const { space, rng, signal } = parts
    const shared = sharedWeightsOf(parts.evaluator, 'cnas')
    const { supernet, batchSize, train, validation } = shared
    const { learningRate, momentum, weightDecay, clipNorm } = options
    const growing = growingSpace(space, options, rng.fork('order'))
    const learner = policyLearner(growing, rng.fork('controller'), options.controller)
    const weightSteps = options.weightSteps ?? Math.ceil(train.size / batchSize)
    const policySteps = options.policySteps ?? Math.ceil(validation.size / batchSize)
    const stages = stagesOf(growing, options)
    const steps = stages.reduce((sum, { warmUpEpochs, epochs }) => sum + weightSteps * (warmUpEpochs + epochs), 0)
    const disturbance = disturbanceWatch(shared, options.disturbance)
    const architectureOf = (choices: Genotype) => space.decode(growing.toGenotype(choices))
    const batches = (split: typeof train | typeof validation, count: number, drawn: typeof rng) => {
      const order = drawn.fork('batches')
      return batchesOf(split, {
        batchSize,
        steps: count,
        dropRemainder: false,
        order: (pass) => order.fork(`pass ${pass}`),
      })
    }
    return {
      supernet,
      data: shared,
      stages,
      optimizer: sharedSgd({ learningRate, momentum, weightDecay }),
      training: { steps, clipNorm, disturbance },
      deciding: { ...decidingOf(options, deciding), order: growing.order },
      strategy: (trainer, watch) => ({
        enter: (stage) => growing.enter(stage),
        async *weights({ index, warmUp }) {
          const drawn = rng.fork(`weights ${index}`)
          disturbance?.forget()
          for (const batch of batches(train, weightSteps, drawn)) {
            const choices = warmUp ? growing.uniform(drawn) : learner.policy.sample(drawn).genotype
            const step = await trainer.step(architectureOf(choices), batch, drawn)
            yield { ...step, warmUp: warmUp ? 1 : 0 }
          }
        },
        async *policy({ index }) {
          const drawn = rng.fork(`policy ${index}`)
          for (const batch of batches(validation, policySteps, drawn)) {
            const { genotype } = learner.policy.sample(drawn)
            const { accuracy } = await shared.measureBatch(architectureOf(genotype), batch)
            yield learner.update(genotype, accuracy)
          }
        },
        /** Draws architectures from the policy and ranks them by shared weights on the whole validation split. */
        async *derive(stage, last): AsyncGenerator<EventDraft> {
          const drawn = rng.fork(`derive ${stage}`)
          const proposals = Array.from({ length: options.candidates }, () => {
            const { genotype, logProbability } = learner.policy.sample(drawn)
            return { genotype: growing.toGenotype(genotype), logProbability }
          })
          const likeliest = learner.policy.mode()
          yield* watch.entropy(likeliest.entropy, categoricalPolicy(growing.process).score(likeliest.genotype).entropy)
          if (last) {
            yield* watchedTrials(measureTrials(proposals, parts), watch)
            return
          }
          let best: { readonly genotype: Genotype; readonly accuracy: number } | undefined
          for (const { genotype } of proposals) {
            const { accuracy } = await shared.measure(space.decode(genotype), signal)
            if (!best || accuracy > best.accuracy) best = { genotype, accuracy }
          }
          if (best) yield { type: 'plugin.event', plugin: 'cnas', name: 'stage derived', facts: { stage, ...best } }
        },
        save: () => learner.snapshot(),
        restore: (saved) => learner.restore(saved),
      }),
    }
  })
