/** CACP: one reinforcement-learning agent prunes the channels of a network to several rates. */
import { declarePlugin, definePlugin } from '../../core/index.ts'
import { cacpController } from './controller.ts'
import { type CacpOptions, declared } from './options.ts'
import { papers } from './paper.ts'

export { ActorCritic, type ActorCriticOptions, type Transition } from './actor-critic.ts'
export { type Calibration, type CalibrationOptions, calibrate } from './calibration.ts'
export {
  type Compressed,
  type Compression,
  type CompressOptions,
  compressChannels,
  type FineTuneOptions,
  fineTune,
} from './compress.ts'
export { type CacpController, cacpController } from './controller.ts'
export { type ConditionalEvolutionOptions, conditionalEvolution } from './evolution.ts'
export type { CacpOptions } from './options.ts'
export { papers } from './paper.ts'
export { channelImportance, pruneChannels, selectChannels } from './prune.ts'
export { graphAccuracy, type PrunedAccuracyOptions, prunedAccuracy } from './pruned-accuracy.ts'
export type { RewardKind } from './reward.ts'
export {
  bestOfRates,
  type MeasurePruning,
  type PruningEpisode,
  type PruningSearchOptions,
  pruningSearch,
  remembered,
  violations,
} from './search.ts'
export type { Sight } from './state.ts'

const about = declarePlugin({
  name: 'cacp',
  kind: 'controller',
  does: 'Channel rates of a network by a continual actor-critic agent.',
  provides: ['controller'],
  needs: ['space:channels'],
  paper: papers,
  options: declared,
})

/**
 * The conditional agent as the controller of a search over a channelSpace: `createSearch({ space: channelSpace(graph),
 * evaluator: prunedAccuracy({ data }), plugins: [cacp()], objectives: { accuracy: 'maximise' }, … })`. With a single
 * rate it is AMC. Errors: ARCHLOOM_OPTION; from the search, ARCHLOOM_CACP_SPACE.
 */
export function cacp(given: CacpOptions = {}) {
  const options = declared.read(given)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(cacpController(given)) })
}
