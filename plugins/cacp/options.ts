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
        doc: 'Number of initial episodes with uniformly random actions. Infinity gives random search under the same constraint.',
      }),
    },
    { doc: 'Random episodes before the agent learns.' },
  ),
  hidden: whole({ min: 1, default: 300, doc: 'Number of units of each hidden layer of actor and critic.' }),
  actorLearningRate: number({
    above: 0,
    default: 1e-3,
    doc: 'Learning rate of the actor (Adam). The published code uses 1e-4 for 21,600 updates; with some hundreds of updates an actor hardly changes at that rate.',
  }),
  criticLearningRate: number({ above: 0, default: 1e-3, doc: 'Learning rate of the critic (Adam).' }),
  updates: whole({ min: 1, default: 1, doc: 'Number of updates of actor and critic after each transition.' }),
  tau: number({ above: 0, max: 1, default: 0.01, doc: 'τ: share by which the target networks follow at each step.' }),
  discount: number({ above: 0, max: 1, default: 1, doc: 'γ: discount factor of later rewards.' }),
  batchSize: whole({ min: 1, default: 64, doc: 'Number of transitions per update.' }),
  memory: whole({ min: 1, default: 100, doc: 'Number of episodes in the replay memory.' }),
  exploration: group(
    {
      sd: number({ min: 0, max: 10, default: 0.5, doc: 'Standard deviation at the end of the warm-up.' }),
      decay: number({
        above: 0,
        max: 1,
        default: 0.95,
        doc: 'Factor by which the standard deviation is multiplied at each learned episode.',
      }),
      floor: number({
        min: 0,
        max: 10,
        default: 0.05,
        doc: 'Smallest standard deviation, so that rates that are learned late are still explored. 0 is as published.',
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
    doc: 'The reward: the accuracy, its difference from the moving mean of its rate, or its ratio to that mean.',
  }),
  rewardMeans: group(
    {
      decay: number({ min: 0, below: 1, default: 0.95, doc: 'Share of the old value in the moving mean.' }),
      start: list(number({ min: 0, max: 1 }), {
        absent: 'the first accuracy of each rate',
        doc: 'Initial mean accuracy of each rate.',
      }),
    },
    { doc: "The moving mean accuracy of each rate, for the rewards 'difference' and 'ratio'." },
  ),
  sight: among(['rate', 'blind'], { default: 'rate', doc: "'blind' hides the rate from the agent, as an ablation." }),
})
export type CacpOptions = OptionsOf<typeof declared>
export type ResolvedOptions = ReadOptionsOf<typeof declared>
