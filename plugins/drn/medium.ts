/** `archloom reproduce drn --scale medium`: adaptation with the right and the wrong way back. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFileSync } from '../../core/node/files.ts'
import type { Experiment, ExperimentPart, UnitContext } from '../../core/reproduction.ts'
import { readSafetensors, saveSafetensors, useEngine } from '../../core/tensor/index.ts'
import { findPairs, patchSplit } from '../../evaluators/data/images/index.ts'
import { degradationDual } from './dual.ts'
import { type Domain, pairsIn, SIGMA, shrinkers } from './experiment/domains.ts'
import { type Plan, plans } from './experiment/plan.ts'
import { adapted, qualityOf, restored, SCALE, trained } from './experiment/training.ts'

const settings = {
  pretraining: { steps: 300, dualWeight: 0.1 },
  adaptation: { steps: 300, learningRate: 1e-3, unpaired: 16, tested: 10, unpairedRatio: 0.3 },
}

const plan: Plan = {
  ...plans.small,
  steps: settings.pretraining.steps,
  adaptation: { targets: [], ...settings.adaptation },
}

async function pairsOf(name: string, { data }: UnitContext) {
  const environment = { ...process.env, ...(data !== undefined && { ARCHLOOM_DATA: data }) }
  const found = await findPairs(name, { scale: SCALE, environment })
  if (!found) throw new Error(`${name} is not in ARCHLOOM_DATA, and generated scenes would say nothing`)
  return found.pairs
}

const trainingPatches = async (context: UnitContext) => {
  const pairs = (await pairsOf('T91', context)).filter(({ lr }) => Math.min(lr.height, lr.width) >= plan.patch)
  return patchSplit('train', pairs, { patch: plan.patch, patches: 20 * plan.batchSize })
}

const [NETWORK, DUALS] = ['network.safetensors', 'duals.json']
const [BEFORE, PAIRED, ALGORITHM] = ['before', 'paired images only', 'Algorithm 1, shared learnt dual']
const [OWN, TRUE_WEAK, TRUE] = ['own learnt dual', 'true degradation, λ = 0.1', 'true degradation, λ = 1']

function part(domain: Domain, title: string, degradation: string): ExperimentPart {
  return {
    name: domain,
    title,
    setting: `×4 networks of 31,500 weights, trained for 300 steps on T91 shrunk by bicubic interpolation, adapted for 300 steps to 16 images of BSD100 ${degradation}, measured on ten others. The control trains as long on the paired images alone.`,
    settings,
    arms: [PAIRED, ALGORITHM, TRUE, TRUE_WEAK, OWN, BEFORE],
    seeds: [11, 12, 13, 14],
    seconds: 25,
    async prepare(context) {
      await useEngine()
      const { seed, signal } = context
      const variant = { dualWeight: settings.pretraining.dualWeight, duals: 'learnt' } as const
      using pair = await trained(plan, variant, { seed, data: await trainingPatches(context), signal })
      await saveSafetensors(join(context.folder, NETWORK), pair.network)
      const duals = pair.duals.trainable.map((variable) => [...variable.dataSync()])
      replaceFileSync(join(context.folder, DUALS), JSON.stringify(duals))
      return []
    },
    async run(arm, context) {
      await useEngine()
      const { seed, signal, folder } = context
      const { weights } = await readSafetensors(join(folder, NETWORK))
      const duals = (JSON.parse(readFileSync(join(folder, DUALS), 'utf8')) as number[][]).map((values) =>
        Float32Array.from(values),
      )
      using pair = restored(plan, { network: weights, duals }, seed)
      const photographs = pairsIn(domain, await pairsOf('BSD100', context))
      const { unpaired, tested } = settings.adaptation
      const measured = async ({ network }: typeof pair) => {
        const test = photographs.slice(unpaired, unpaired + tested)
        const { psnr, consistency } = await qualityOf(network, test, shrinkers[domain])
        return [
          { metric: 'PSNR-Y, dB', value: psnr },
          { metric: 'consistency, dB', value: consistency },
        ]
      }
      if (arm === BEFORE) return await measured(pair)
      const foreign = patchSplit('train', photographs.slice(0, unpaired), { patch: plan.patch })
      const known = () => degradationDual(SCALE, domain === 'blur-down' ? { sigma: SIGMA } : {})
      // A dual of its own begins as the learnt one, and learns along on unpaired images only.
      using own = restored(plan, { network: weights, duals }, seed)
      const wayBack = {
        [ALGORITHM]: {},
        [TRUE]: { unpairedDuals: known(), unpairedWeight: 1 },
        [TRUE_WEAK]: { unpairedDuals: known() },
        [OWN]: { unpairedDuals: own.duals },
      }[arm]
      using result = await adapted(plan, pair, {
        seed,
        data: await trainingPatches(context),
        ...(arm !== PAIRED && { unpaired: foreign, wayBack: wayBack! }),
        signal,
      })
      return await measured(result)
    },
    metrics: [
      { name: 'PSNR-Y, dB', digits: 3 },
      { name: 'consistency, dB', digits: 2 },
    ],
    comparisons: [
      { claim: 'Algorithm 1 adapts: it is better than training on paired images alone', arm: ALGORITHM },
      { claim: 'The loop adapts where the way back is the true degradation', arm: TRUE },
      { claim: 'The loop adapts with a weak weight of the true degradation', arm: TRUE_WEAK },
      { claim: 'A learnt dual of its own for the target domain adapts', arm: OWN },
    ].map((each) => ({
      ...each,
      control: PAIRED,
      metric: 'PSNR-Y, dB',
      direction: 'maximise' as const,
      published: null,
      effect: 0.2,
    })),
  }
}

export const medium: Experiment = {
  paper: 'drn',
  parts: [
    part('nearest', 'Adaptation to images shrunk by taking every fourth pixel', 'shrunk by taking every fourth pixel'),
    part('blur-down', 'Adaptation to blurred images (BD)', 'shrunk by a centred Gaussian blur (σ = 1.6) and sampling'),
  ],
}
