/** Looking at finished and running studies: importance of decisions, data of plots, fronts, rank tests, comparisons. */
export * from './compare.ts'
export * from './curves.ts'
export * from './front.ts'
export {
  type DecisionImportance,
  type Importance,
  type ImportanceOptions,
  importance,
  importanceOptions,
} from './importance.ts'
export * from './plots.ts'
export { holm, mannWhitney, type RankTest, superiority, wilcoxon } from './rank-tests.ts'
export type { AnalysedStudy } from './selection.ts'
