/** Says how its process collects garbage. */
import type { EvaluatorFunction } from '../../../../core/evaluator.ts'
import { space } from './behaviours.ts'

export { space }
export const evaluator: EvaluatorFunction<{ readonly does: string }> = async () => ({
  onOneThread: Number(process.execArgv.includes('--single-threaded-gc')),
})
