export { type Clock, realClock, type VirtualClock, virtualClock } from './clock.ts'
export { type CreateSearchOptions, createSearch, type StudyOptions } from './composition/create-search.ts'
export {
  type Batches,
  type BatchesOptions,
  type Observed,
  type Observer,
  type Observing,
  observeInBatches,
} from './composition/observer.ts'
export {
  type Binder,
  declarePlugin,
  definePlugin,
  type Plugin,
  type PluginDeclaration,
  type PluginDefinition,
  type PluginKind,
} from './composition/plugin.ts'
export type { BestTrial, Search, SearchProposal } from './composition/search.ts'
export * as tokens from './composition/tokens.ts'
export type { WarmResult, WarmStart } from './composition/warm-start.ts'
export type { Ask, Controller, ControllerFactory, Diagnostics, Given, Observation, Proposal } from './controller.ts'
export { ArchloomError, defineErrors, errorCodes, messageOf, quote } from './errors.ts'
export type {
  Checkpoint,
  Evaluation,
  EvaluationContext,
  EvaluationRequest,
  Evaluator,
  EvaluatorDefinition,
  EvaluatorFunction,
  EvaluatorKind,
  EvaluatorParts,
} from './evaluator.ts'
export {
  type AlternateOptions,
  alternate,
  type OneShotEpoch,
  type OneShotMethod,
  type OneShotStage,
  type OneShotSteps,
} from './one-shot/alternate.ts'
export { type StepMeans, stepMeans } from './one-shot/means.ts'
export type { Paper } from './paper.ts'
export { type Random, type RandomState, seeded } from './random.ts'
export {
  fullFidelity,
  type Scheduler,
  type SchedulerDecision,
  type SchedulerFactory,
  type SchedulerParts,
  type SchedulerReport,
  type TrialStart,
} from './scheduler.ts'
export type { Algorithm, AlgorithmParts } from './search/algorithm.ts'
export { type AskTellOptions, askTell, measureTrials, oneByOne } from './search/ask-tell.ts'
export type { Budget } from './search/budget.ts'
export { cached, deduped, retried, timed } from './search/wrappers.ts'
export * from './space/index.ts'
export type { ExportedPiece, ExportForm } from './study/export-form.ts'
export { type ExportedTrial, type ExportTopOptions, exportTop } from './study/export-top.ts'
export { type ReadStudyOptions, readStudy } from './study/read-study.ts'
export { readRecord, StudyRecord } from './study/record.ts'
export { initialState, reduce, type SearchState } from './study/state.ts'
export {
  type Artifacts,
  journalText,
  memoryStore,
  type Recalled,
  readEvents,
  type Snapshot,
  type Store,
} from './study/store.ts'
export { type OpenOptions, registerStudies, type Studies, studiesAt } from './study/studies.ts'
export type {
  ApplyMode,
  Batch,
  BatchOptions,
  BuildOptions,
  Dataset,
  FitOptions,
  LinearTap,
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
  TrainingState,
} from './trainer.ts'
export {
  type CommitMode,
  type EventDraft,
  type EventOf,
  eventTypes,
  type FailureReason,
  type FinishReason,
  isTrialCompleted,
  type SearchEvent,
  type SearchEventType,
  type TrialPoint,
  type WarmTrial,
} from './trial/events.ts'
export type { Job, Trials } from './trial/lifecycle.ts'
export {
  compareResults,
  type Direction,
  type ObjectiveOptions,
  type Objectives,
  type ResolvedObjective,
} from './trial/objective.ts'
export type { BarsPanel, ImagesPanel, LinesPanel, Panel } from './trial/panel.ts'
export type { Rung, Trial, TrialStatus } from './trial/trial.ts'
export { VERSION } from './version.ts'
