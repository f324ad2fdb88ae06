import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { defineErrors } from '../../../../core/errors.ts'
import type { EvaluatorFunction } from '../../../../core/evaluator.ts'
import { defineSpace, oneOf, product } from '../../../../core/space/index.ts'

const error = defineErrors('behaviours', { ARCHLOOM_TRAINING_DIVERGED: (d: { why: string }) => d.why })

/** One architecture for each thing an evaluator may do to its process. */
export const space = defineSpace(
  'behaviours',
  product({
    does: oneOf(
      'answer',
      'throw',
      'diverge',
      'exit',
      'spin',
      'wait',
      'chatter',
      'misreport',
      'leave',
      'late',
      'once',
      'pause',
    ),
  }),
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
  if (does === 'chatter') {
    // What process managers and other libraries send; and what looks like ours.
    for (const message of [
      'ready',
      null,
      7,
      { id: 0 },
      { type: 'evaluated', id: 0, evaluation: 'x' },
      { type: 'ready' },
    ])
      process.send?.(message)
    process.send?.({ 'archloom:worker-pool': { type: '__proto__', id: 0 } })
  }
  if (does === 'misreport') {
    report(1, { loss: 'low' as unknown as number })
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('let go'))))
  }
  if (does === 'leave') {
    // A program of its own keeps the pipes of this process open.
    const sleeper = spawn('sleep', ['60'], { stdio: ['ignore', 'inherit', 'inherit'], detached: true })
    process.stderr.write(`sleeper ${sleeper.pid}\n`)
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50)
    await new Promise(() => {})
  }
  // Dies by itself after it has answered.
  if (does === 'late') setTimeout(() => process.exit(4), 5)
  if (does === 'once' && !existsSync(process.env.ARCHLOOM_TEST_MARK!)) {
    writeFileSync(process.env.ARCHLOOM_TEST_MARK!, '')
    process.exit(5)
  }
  if (does === 'pause') await new Promise((resolve) => setTimeout(resolve, 150))
  return { value: seed, pid: process.pid }
}
