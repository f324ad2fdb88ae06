export { type Clock, realClock, type VirtualClock, virtualClock } from './clock.ts'
export { type CreateSearchOptions, createSearch, type StudyOptions } from './composition/create-search.ts'
export { type Binder, definePlugin, type Plugin, type PluginDefinition } from './composition/plugin.ts'
export type { BestTrial, Search, SearchProposal } from './composition/search.ts'
export * as tokens from './composition/tokens.ts'
export type { Controller, ControllerFactory, Diagnostics, Given, Observation, Proposal } from './controller.ts'
export { ArchloomError, defineErrors, errorCodes, messageOf, quote } from './errors.ts'
export type {
  Evaluation,
  EvaluationContext,
  EvaluationRequest,
  Evaluator,
  EvaluatorDefinition,
  EvaluatorFunction,
  EvaluatorKind,
  EvaluatorParts,
} from './evaluator.ts'
export type { Paper } from './paper.ts'
export { type Random, type RandomState, seeded } from './random.ts'
export {
  type Baseline,
  type Claim,
  type Comparison,
  claim,
  type Experiment,
  type ExperimentPart,
  inWords,
  type Measured,
  type Measurement,
  measured,
  type PairedDifference,
  pairedDifference,
  type ReproduceOptions,
  type Reproduction,
  type Scale,
  type UnitContext,
  type Verdict,
  verdictOf,
} from './reproduction.ts'
export type { Algorithm, AlgorithmParts } from './search/algorithm.ts'
export {
  type AlternateOptions,
  alternate,
  measureTrials,
  type OneShotEpoch,
  type OneShotMethod,
  type OneShotStage,
} from './search/alternate.ts'
export { announced, type News } from './search/announced.ts'
export { askTell } from './search/ask-tell.ts'
export type { Budget } from './search/budget.ts'
export {
  type EventDraft,
  type EventOf,
  eventTypes,
  type FinishReason,
  isTrialCompleted,
  isTrialFailed,
  type SearchEvent,
  type SearchEventType,
  type TrialPoint,
} from './search/events.ts'
export type { Direction, ObjectiveOptions, Objectives } from './search/objective.ts'
export { initialState, reduce, type SearchState } from './search/state.ts'
export { cached, deduped, retried, timed } from './search/wrappers.ts'
export * from './space/index.ts'
export { type ExportedTrial, type ExportTopOptions, exportTop } from './study/export-top.ts'
export { type JournalOptions, journalStore, readJournal } from './study/journal.ts'
export { type DecodedTrial, readStudy, type StudyRecord, type StudyTrial } from './study/read.ts'
export { memoryStore, type Store } from './study/store.ts'
export type {
  ApplyMode,
  Batch,
  BatchOptions,
  BuildOptions,
  Dataset,
  FitOptions,
  Network,
  NetworkCost,
  OptimizerFactory,
  Progress,
  SavedWeight,
  Split,
  SplitRole,
  Supernet,
  SupernetMixture,
  Trainer,
} from './trainer.ts'
export { VERSION } from './version.ts'
