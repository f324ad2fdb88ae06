/** Gradient-boosted trees. */
export { type Binned, binFeatures } from './bins.ts'
export {
  type BoostingOptions,
  type BoostingTarget,
  boost,
  type Forest,
  forestScores,
  type Rows,
  type Tree,
} from './boosting.ts'
