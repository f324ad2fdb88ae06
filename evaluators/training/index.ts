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
export { type StepContext, type SupervisedTrainerOptions, supervisedTrainer } from './supervised.ts'
