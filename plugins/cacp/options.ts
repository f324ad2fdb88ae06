import {
  among,
  group,
  list,
  number,
  type OptionsOf,
  options,
  type ReadOptionsOf,
  whole,
} from '../../core/options/index.ts'

export const declared = options('cacp', {
  warmUp: group(
    {
      episodes: whole({
        min: 0,
        infinite: true,
        default: 100,
        doc: 'Episodes at the start whose actions are uniform; Infinity: random search through the same constraint.',
      }),
    },
    { doc: 'What is tried before the agent learns.' },
  ),
  hidden: whole({ min: 1, default: 300, doc: 'Units of each hidden layer of actor and critic.' }),
  actorRate: number({
    above: 0,
    default: 1e-3,
    doc: 'Learning rate of the actor (Adam). The published code has 1e-4 for 21,600 updates; in a search of hundreds of updates an actor of that rate stays where it began.',
  }),
  criticRate: number({ above: 0, default: 1e-3, doc: 'Learning rate of the critic (Adam).' }),
  updates: whole({ min: 1, default: 1, doc: 'Updates of actor and critic after each transition.' }),
  tau: number({ above: 0, max: 1, default: 0.01, doc: 'τ: how far the target networks follow at each step.' }),
  discount: number({ above: 0, max: 1, default: 1, doc: 'γ: discount of later rewards.' }),
  batchSize: whole({ min: 1, default: 64, doc: 'Transitions in one update.' }),
  memory: whole({ min: 1, default: 100, doc: 'Episodes that the replay holds.' }),
  exploration: group(
    {
      sd: number({ min: 0, max: 10, default: 0.5, doc: 'Standard deviation at the end of the warm-up.' }),
      decay: number({
        above: 0,
        max: 1,
        default: 0.95,
        doc: 'Factor of the standard deviation at each learned episode.',
      }),
      floor: number({
        min: 0,
        max: 10,
        default: 0.05,
        doc: 'Smallest standard deviation, so that a rate that is learnt late is still explored; 0 as published.',
      }),
      per: among(['search', 'rate'], {
        default: 'search',
        doc: "Whether the noise decays with all episodes ('search', as published) or with those of the same rate.",
      }),
    },
    { doc: 'The noise of actions, a truncated normal.' },
  ),
  reward: among(['accuracy', 'difference', 'ratio'], {
    default: 'accuracy',
    doc: 'Accuracy itself, its difference from the moving mean of the rate, or its ratio to it.',
  }),
  rewardMeans: group(
    {
      decay: number({ min: 0, below: 1, default: 0.95, doc: 'Share of the mean that is kept at each episode.' }),
      start: list(number({ min: 0, max: 1 }), {
        absent: 'the first accuracy of each rate',
        doc: 'One accuracy per rate to start from.',
      }),
    },
    { doc: "The moving mean accuracy of each rate, for the rewards 'difference' and 'ratio'." },
  ),
  sight: among(['rate', 'blind'], { default: 'rate', doc: "'blind' hides the rate from the agent: the ablation." }),
})
export type CacpOptions = OptionsOf<typeof declared>
export type ResolvedOptions = ReadOptionsOf<typeof declared>
