import { defineErrors } from '../../../../core/errors.ts'
import type { EvaluatorFunction } from '../../../../core/evaluator.ts'
import { defineSpace, oneOf, product } from '../../../../core/space/index.ts'

const error = defineErrors('behaviours', { ARCHLOOM_TRAINING_DIVERGED: (d: { why: string }) => d.why })

/** One architecture for each thing an evaluator may do to its process. */
export const space = defineSpace(
  'behaviours',
  product({ does: oneOf('answer', 'throw', 'diverge', 'exit', 'spin', 'wait') }),
)

export const evaluator: EvaluatorFunction<{ readonly does: string }> = async (
  { does },
  { seed },
  { signal, report },
) => {
  report(1, { started: 1 })
  if (does === 'throw') throw new Error('out of luck')
  if (does === 'diverge') throw error('ARCHLOOM_TRAINING_DIVERGED', { why: 'to infinity' })
  if (does === 'exit') {
    process.stderr.write('no memory left\n')
    process.exit(3)
  }
  if (does === 'spin') for (;;);
  if (does === 'wait')
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped waiting'))))
  return { value: seed, pid: process.pid }
}
