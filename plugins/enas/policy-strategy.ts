import type { Genotype, Json, SearchSpace } from '../../core/index.ts'
import {
  type DecisionLayout,
  type Episode,
  layoutOf,
  loadParameters,
  lstmPolicy,
  movingAverage,
  policyAdam,
  policyGradientStep,
  restored,
  saveParameters,
} from '../../core/policy/index.ts'
import { type OneShotDefinition, uniformEntropy } from '../../evaluators/weight-sharing/index.ts'
import type { ReadEnasOptions } from './options.ts'

/**
 * The layout of the policy. Equal decisions share embeddings and outputs, and the logits of operations are limited
 * more than those of inputs.
 */
export function enasLayout(
  space: SearchSpace,
  {
    tanhConstant,
    operationTanhReduction,
  }: Pick<ReadEnasOptions['controller'], 'tanhConstant' | 'operationTanhReduction'>,
): readonly DecisionLayout[] {
  const layout = layoutOf(space.decisions)
  if (tanhConstant === null) return layout
  return layout.map((entry, index) => {
    const decision = space.decisions[index]
    const names = decision?.kind === 'choice' && decision.options.every((option) => typeof option === 'string')
    return { ...entry, tanhConstant: names ? tanhConstant / operationTanhReduction : tanhConstant }
  })
}

/**
 * Pham et al., ENAS (arXiv:1802.03268), §2.2: an epoch of weight steps, each on an architecture drawn from the policy
 * π(m; θ) (uniformly during the warm-up), then REINFORCE steps on θ with fixed weights. The reward of an architecture
 * is its accuracy on one validation batch plus λ times its entropy; b ← decay · b + (1 − decay) · R before it is
 * subtracted.
 */
export const policyStrategy =
  (
    options: Pick<ReadEnasOptions, 'controller' | 'policySteps' | 'policyBatch' | 'candidates'>,
  ): OneShotDefinition['strategy'] =>
  ({ space, shared, trainer, rng, train, validation }) => {
    const { policySteps, policyBatch, controller } = options
    const { hidden, temperature, learningRate, entropyWeight, baselineDecay } = controller
    const policy = lstmPolicy(space, rng.fork('policy'), { hidden, temperature, layout: enasLayout(space, controller) })
    const optimizer = policyAdam(policy.parameters, { learningRate })
    const baseline = movingAverage(baselineDecay)
    baseline.restore(0)
    const architectureOf = (genotype: Genotype) => space.decode(genotype)

    return {
      weights: (epoch) =>
        train(epoch, async (batch, noise) => {
          const genotype = epoch.warmUp ? space.random(noise) : policy.sample(noise).genotype
          return { ...(await trainer.step(architectureOf(genotype), batch, noise)) }
        }),
      async *policy(epoch) {
        const drawn = rng.fork(`policy/${epoch.index}`)
        const batches = validation(epoch)
        try {
          for (let step = 0; step < policySteps; step++) {
            const episodes: Episode[] = []
            let [accuracies, rewards] = [0, 0]
            for (let k = 0; k < policyBatch; k++) {
              const { genotype, entropy } = policy.sample(drawn)
              const { accuracy } = await shared.measureBatch(architectureOf(genotype), batches.next().value)
              const reward = accuracy + entropyWeight * entropy
              accuracies += accuracy / policyBatch
              rewards += reward / policyBatch
              episodes.push({ genotype, advantage: baseline.advantage(reward) })
            }
            const { loss, entropy, gradientNorm } = policyGradientStep(policy, optimizer, episodes)
            const facts = { accuracy: accuracies, reward: rewards, baseline: baseline.value as number }
            yield { ...facts, loss, entropy, gradientNorm }
          }
        } finally {
          batches.return?.()
        }
      },
      likely() {
        const { genotype, entropy } = policy.mode()
        return { genotype, entropy: { value: entropy, most: uniformEntropy(space, genotype) } }
      },
      derive() {
        const drawn = rng.fork('derive')
        const samples = Array.from({ length: options.candidates }, () => policy.sample(drawn).genotype)
        const all = new Map([policy.mode().genotype, ...samples].map((genotype) => [space.format(genotype), genotype]))
        return [...all.values()].slice(0, options.candidates)
      },
      save: () => ({
        policy: saveParameters(policy.parameters),
        optimizer: optimizer.snapshot(),
        baseline: baseline.snapshot(),
      }),
      restore(saved) {
        const state = restored('enas', saved, { policy: 'array', optimizer: 'object', baseline: 'any' })
        loadParameters(policy.parameters, state.policy)
        optimizer.restore(state.optimizer as Json)
        baseline.restore(state.baseline as Json)
      },
    }
  }
