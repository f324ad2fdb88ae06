/** `archloom reproduce cacp --scale medium`. */
import type { Experiment, Measurement } from '../../core/reproduction.ts'
import { syntheticAgent, syntheticRates, syntheticTask } from './experiment/synthetic.ts'
import type { CacpOptions } from './options.ts'

/** Rate, updates and floor were chosen on seeds 101 to 104, which the table does not use. */
const madeUp = { episodes: 300, warmUp: 60, hidden: 64, actorRate: 1e-3, updates: 2, floor: 0.05 }

interface Arm {
  readonly agent?: CacpOptions
  /** If given, one agent per rate, each with this share of the episodes. */
  readonly each?: number
}

const arms: Readonly<Record<string, Arm>> = {
  'one agent': {},
  'blind to the rate': { agent: { sight: 'blind' } },
  'three agents, equal episodes in all': { each: 1 / 3 },
  'one agent, reward by rate': { agent: { reward: 'difference' } },
  'one agent, actor rate 1e-4, one update': {
    agent: { actorLearningRate: 1e-4, updates: 1, exploration: { floor: 0 } },
  },
  'random search': { agent: { warmUp: { episodes: Number.POSITIVE_INFINITY } } },
  'three agents, three times the episodes': { each: 1 },
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const GREEDY = 'greedy, mean of rates, %'

async function figures(arm: Arm, seed: number): Promise<readonly Measurement[]> {
  const { episodes, warmUp, hidden, actorRate: actorLearningRate, updates, floor } = madeUp
  const agent = {
    warmUp: { episodes: warmUp },
    hidden,
    actorLearningRate,
    updates,
    exploration: { floor },
    ...arm.agent,
  }
  const { each } = arm
  const found =
    each === undefined
      ? [await syntheticAgent(syntheticTask(), { episodes, agent }, seed)]
      : await Promise.all(
          syntheticRates.map((rate) =>
            syntheticAgent(
              syntheticTask(undefined, [rate]),
              {
                episodes: Math.round(each * episodes),
                agent: { ...agent, warmUp: { episodes: Math.round(each * warmUp) } },
              },
              seed,
            ),
          ),
        )
  const [greedy, best] = [found.flatMap((one) => one.greedy), found.flatMap((one) => one.best)]
  return [
    // The policy of random search is that of untrained networks.
    ...(agent.warmUp.episodes === Number.POSITIVE_INFINITY
      ? []
      : [
          { metric: GREEDY, value: 100 * mean(greedy) },
          ...syntheticRates.map((rate, r) => ({ metric: `greedy at ${rate}, %`, value: 100 * greedy[r]! })),
        ]),
    { metric: 'best seen, mean of rates, %', value: 100 * mean(best) },
  ]
}

export const medium: Experiment = {
  paper: 'cacp',
  parts: [
    {
      name: 'made-up',
      title: 'A made-up task on the cost of VGG-16 whose constraint does not give the rate away',
      setting:
        'The first six convolutions of VGG-16, three of them prunable, with an accuracy that falls most with late layers; rates 0.3, 0.5 and 0.7; 300 episodes in all unless the arm says otherwise, two updates per transition, actor rate 1e-3. The optimum is 14.2, 56.7 and 81.9 %, a mean of 50.9 %. Rate, updates and floor were chosen on seeds 101 to 104.',
      settings: madeUp,
      arms: Object.keys(arms),
      seeds: [11, 12, 13, 14, 15],
      seconds: 6,
      run: (arm, { seed }) => figures(arms[arm]!, seed),
      metrics: [
        { name: GREEDY, digits: 1 },
        ...syntheticRates.map((rate) => ({ name: `greedy at ${rate}, %`, digits: 1 })),
        { name: 'best seen, mean of rates, %', digits: 1 },
      ],
      comparisons: [
        {
          claim: 'An agent that knows the rate prunes better than one that does not',
          control: 'blind to the rate',
          metric: GREEDY,
        },
        {
          claim: 'One agent does better than three that share its episodes',
          control: 'three agents, equal episodes in all',
          metric: GREEDY,
        },
        {
          claim: 'One agent does better than three with three times the episodes',
          control: 'three agents, three times the episodes',
          metric: GREEDY,
        },
        {
          claim: 'The agent needs a rate that fits the number of its updates',
          control: 'one agent, actor rate 1e-4, one update',
          metric: GREEDY,
        },
        {
          claim: 'The agent sees better prunings than random search',
          control: 'random search',
          metric: 'best seen, mean of rates, %',
        },
      ].map((each) => ({ ...each, arm: 'one agent', direction: 'maximise' as const, published: null, effect: 2 })),
    },
  ],
}
