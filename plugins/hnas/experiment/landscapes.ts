import { type Genotype, seeded } from '../../../core/index.ts'
import {
  type SuperResolutionArchitecture,
  superResolutionSpace,
} from '../../../search-spaces/super-resolution/index.ts'
import { COST_SIDE, hierarchyOf, jointReward, type PolicyLearnerOptions, policyLearner } from '../index.ts'

/**
 * Rewards from a formula, so that nothing but the controller is at work. The space is the one of the search (12 cells, 8
 * channels) with two nodes a cell: 17 decisions.
 */
const space = superResolutionSpace({ channels: 8, nodes: 2 })
const hierarchy = hierarchyOf(space)
const costs = new Map<string, number>()

/** In units of 2·10⁸ multiply-adds at 48×48; most architectures lie between 0.2 and 2. */
function costOf(genotype: Genotype): number {
  const key = genotype.join()
  const known = costs.get(key)
  if (known !== undefined) return known
  const { multiplyAdds } = space.cost(space.decode(genotype), { input: [COST_SIDE, COST_SIDE, 3], classes: 0 })
  const cost = multiplyAdds / 2e8
  costs.set(key, cost)
  return cost
}

export interface LandscapeSettings {
  readonly steps: number
  readonly seeds: number
  /** Architectures that the trained policy is judged by. */
  readonly samples: number
}

/** Steps are few: a quicker policy than the paper's, the same in every arm. */
const quick: PolicyLearnerOptions = {
  hidden: 24,
  learningRate: 5e-3,
  weightDecay: 0,
  freshBaseline: false,
  entropyWeight: 0.05,
  positionWeight: 1,
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Pearson's; 0 where one of the two never changes. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)]
  const product = meanOf(a.map((x, at) => (x - meanA) * (b[at]! - meanB)))
  const spread = Math.sqrt(meanOf(a.map((x) => (x - meanA) ** 2)) * meanOf(b.map((y) => (y - meanB) ** 2)))
  return spread > 0 ? product / spread : 0
}

/** Trains a controller on a formula; returns genotypes drawn from it in the end. */
function controllerOn(
  reward: (genotype: Genotype) => number,
  { steps, samples }: LandscapeSettings,
  options: PolicyLearnerOptions,
  seed: number,
): readonly Genotype[] {
  const rng = seeded(seed)
  const learner = policyLearner(hierarchy, rng.fork('controller'), { ...quick, ...options })
  const own = rng.fork('draws')
  for (let step = 0; step < steps; step++) {
    const { genotype: choices } = learner.policy.sample(own)
    learner.update(choices, reward(hierarchy.toGenotype(choices)))
  }
  const judged = rng.fork('judged')
  return Array.from({ length: samples }, () => hierarchy.toGenotype(learner.policy.sample(judged).genotype))
}

/** E2: PSNR = 30 + ½ · ln(cost), best at cost λ / (2 − 2λ), and λ from mostly cost to quality alone. Returns the mean cost by λ, one row a seed. */
export function tradeOffSweep(
  tradeOffs: readonly number[],
  settings: LandscapeSettings,
  seed: number,
): readonly (readonly number[])[] {
  return Array.from({ length: settings.seeds }, (_, k) =>
    tradeOffs.map((tradeOff) => {
      const reward = (genotype: Genotype) => {
        const cost = costOf(genotype)
        return jointReward(tradeOff, 30 + 0.5 * Math.log(cost), cost)
      }
      return meanOf(controllerOn(reward, settings, {}, seed + k).map(costOf))
    }),
  )
}

const heavy = new Set(['rcab', 'sep_conv_3x3', 'sep_conv_5x5'])

/** How many of the normal cell's operations are heavy, as a share. */
const heavyShare = ({ normal }: Pick<SuperResolutionArchitecture, 'normal'>): number => {
  const operations = normal.flatMap(({ left, right }) => [left.op, right.op])
  return operations.filter((op) => heavy.has(op)).length / operations.length
}

/**
 * Reward 1 where the upsampling stands at the place that the cell calls for (the heavier, the later), falling with the
 * square of the distance (¾ at two cells); the cell itself is free.
 */
export const positionReward = (architecture: Pick<SuperResolutionArchitecture, 'normal' | 'position'>): number =>
  1 - ((architecture.position - 11 * heavyShare(architecture)) / 4) ** 2

export interface PositionRun {
  /** Mean reward of what the trained policy draws. */
  readonly reward: number
  /** Between the heaviness of the cells drawn and their positions: whether one was learnt to depend on the other. */
  readonly correlation: number
}

/** E4: one run a seed, with so much entropy (λ_H = 0.2) that cells stay mixed, as the released settings have it. */
export function positionLandscape(
  hierarchical: boolean,
  settings: LandscapeSettings,
  seed: number,
): readonly PositionRun[] {
  const reward = (genotype: Genotype) => positionReward(space.decode(genotype))
  return Array.from({ length: settings.seeds }, (_, k) => {
    const drawn = controllerOn(reward, settings, { hierarchical, entropyWeight: 0.2, learningRate: 0.01 }, seed + k)
    const architectures = drawn.map((genotype) => space.decode(genotype))
    return {
      reward: meanOf(drawn.map(reward)),
      correlation: correlation(
        architectures.map(heavyShare),
        architectures.map(({ position }) => position),
      ),
    }
  })
}
