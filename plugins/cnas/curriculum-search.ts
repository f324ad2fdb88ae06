import type {
  Algorithm,
  Batch,
  EventDraft,
  Genotype,
  Json,
  OneShotEpoch,
  OneShotStage,
  Random,
  Split,
} from '../../core/index.ts'
import { alternate, measureTrials } from '../../core/index.ts'
import { categoricalPolicy } from '../../core/policy/index.ts'
import {
  type CheckpointIdentity,
  collapseWatch,
  courseOf,
  disturbanceWatch,
  readCheckpoint,
  sharedSgd,
  sharedWeightsOf,
  tapping,
  type WeightOptimizer,
  weightTrainer,
  writeCheckpoint,
} from '../../evaluators/weight-sharing/index.ts'
import { type GrowingSpace, growingSpace } from './growing-space.ts'
import type { ReadCnasOptions } from './options.ts'
import { policyLearner } from './policy-learner.ts'

/** `steps` batches of a split: as many passes as that takes, each in an order of its own. */
function* batchesOf(split: Split, batchSize: number, steps: number, rng: Random): Generator<Batch> {
  let left = steps
  for (let pass = 0; left > 0; pass++)
    for (const batch of split.batches({ batchSize, rng: rng.fork(`pass ${pass}`) })) {
      yield batch
      if (--left === 0) break
    }
}

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
 * Guo et al., algorithm 1: for each of the growing spaces Ω₁ ⊂ Ω₂ ⊂ …, warm the shared weights up with uniformly drawn
 * architectures, then alternate epochs of weight steps and policy steps; nothing is reset between stages. A fixed
 * space is the case of one stage. All randomness is named by the epoch, so that a search resumed from a checkpoint goes
 * on exactly as if it had never stopped.
 */
export const curriculumSearch = (options: ReadCnasOptions, change: WeightOptimizer | undefined): Algorithm =>
  async function* (parts) {
    const { space, rng, signal } = parts
    const shared = sharedWeightsOf(parts.evaluator, 'cnas')
    const { supernet, batchSize, train, validation } = shared
    const { learningRate, momentum, weightDecay, clipNorm } = options
    const growing = growingSpace(space, options, rng.fork('order'))
    const watch = collapseWatch(space, options.collapse)
    const learner = policyLearner(growing, rng.fork('controller'), options.controller)
    const weightSteps = options.weightSteps ?? Math.ceil(train.size / batchSize)
    const policySteps = options.policySteps ?? Math.ceil(validation.size / batchSize)
    const stages = stagesOf(growing, options)
    const total = stages.reduce((sum, { warmUpEpochs, epochs }) => sum + weightSteps * (warmUpEpochs + epochs), 0)
    const own = sharedSgd({ learningRate, momentum, weightDecay })
    const disturbance = disturbanceWatch(shared, options.disturbance)
    using trainer = weightTrainer(supernet, {
      disturbance,
      optimizer: change ? change(own) : tapping(own),
      ...(clipNorm < Number.POSITIVE_INFINITY && { clipNorm }),
      steps: total,
    })

    const { checkpoint } = options
    const { checkpoint: _, collapse: __, reportEvery: ___, disturbance: ____, ...deciding } = options
    const identity: CheckpointIdentity = {
      method: 'cnas',
      space: space.fingerprint,
      spaceName: space.name,
      settings: JSON.stringify({
        ...{ ...deciding, order: growing.order },
        ...{ ...courseOf(shared, trainer), rng: rng.fork('identity').float() },
      }),
    }
    const found = checkpoint && readCheckpoint(checkpoint.directory, identity)
    let done = 0
    let policyUpdates = 0
    if (found) {
      supernet.load(found.weights)
      await trainer.load(found.optimizer)
      const state = found.state as { readonly epochs: number; readonly policySteps: number; readonly policy: Json }
      learner.restore(state.policy)
      done = state.epochs
      policyUpdates = state.policySteps
    }

    const architectureOf = (choices: Genotype) => space.decode(growing.toGenotype(choices))
    async function* weights({ index, warmUp }: OneShotEpoch) {
      const drawn = rng.fork(`weights ${index}`)
      disturbance?.forget()
      for (const batch of batchesOf(train, batchSize, weightSteps, drawn.fork('batches'))) {
        const choices = warmUp ? growing.uniform(drawn) : learner.policy.sample(drawn).genotype
        const step = await trainer.step(architectureOf(choices), batch, drawn)
        yield { ...step, warmUp: warmUp ? 1 : 0 }
      }
    }
    async function* policy({ index }: OneShotEpoch) {
      const drawn = rng.fork(`policy ${index}`)
      for (const batch of batchesOf(validation, batchSize, policySteps, drawn.fork('batches'))) {
        const { genotype } = learner.policy.sample(drawn)
        const { accuracy } = await shared.measureBatch(architectureOf(genotype), batch)
        policyUpdates++
        yield learner.update(genotype, accuracy)
      }
    }
    /** Drawn from the policy and ranked by shared weights on the whole validation split. */
    async function* derive(stage: number, last: boolean): AsyncGenerator<EventDraft> {
      const drawn = rng.fork(`derive ${stage}`)
      const proposals = Array.from({ length: options.candidates }, () => {
        const { genotype, logProbability } = learner.policy.sample(drawn)
        return { genotype: growing.toGenotype(genotype), logProbability }
      })
      const likeliest = learner.policy.mode()
      yield* watch.entropy(likeliest.entropy, categoricalPolicy(growing.process).score(likeliest.genotype).entropy)
      let best: { readonly genotype: Genotype; readonly accuracy: number } | undefined
      if (last) {
        for await (const event of measureTrials(proposals, parts)) {
          if (event.type === 'trial.completed' && !(best && best.accuracy >= event.reward))
            best = { genotype: event.genotype, accuracy: event.reward }
          yield event
        }
        if (best) yield* watch.architecture(best.genotype, 'the derived architecture')
        return
      }
      for (const { genotype } of proposals) {
        const { accuracy } = await shared.measure(space.decode(genotype), signal)
        if (!best || accuracy > best.accuracy) best = { genotype, accuracy }
      }
      if (best) yield { type: 'plugin.event', plugin: 'cnas', name: 'stage derived', facts: { stage, ...best } }
    }
    async function saved(epochs: number, last: boolean) {
      if (!checkpoint || !(last || epochs % checkpoint.everyEpochs === 0)) return undefined
      return writeCheckpoint(checkpoint.directory, identity, {
        weights: await supernet.save(),
        optimizer: await trainer.save(),
        state: { epochs, policySteps: policyUpdates, policy: learner.snapshot() },
      })
    }
    const enter = (stage: number) => growing.enter(stage)
    const before = { weights: trainer.steps, policy: policyUpdates }
    return yield* alternate({ stages, done, before, enter, weights, policy, saved, derive }, parts, options)
  }
