// Names that short examples of these pages leave out. test/docs.test.ts compiles the examples against them.
import type { Dataset, EvaluatorFunction, Network, SearchSpace } from 'archloom'

declare global {
  const space: SearchSpace<{ width: number; rate: number }>
  const known: { width: number; rate: number }
  const evaluator: EvaluatorFunction<{ width: number; rate: number }>
  const data: Dataset
  const network: Network
  const tellThePage: (message: object) => void
}
