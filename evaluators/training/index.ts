export {
  type CosineOptions,
  constant,
  cosine,
  linear,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
} from './schedules.ts'
export {
  milliseconds,
  type Pace,
  type Stretch,
  steps,
  type TrainingSession,
  type TrainingSessionOptions,
  trainingSession,
} from './session.ts'
export { type StepContext, type SupervisedTrainerOptions, supervisedFields, supervisedTrainer } from './supervised.ts'
