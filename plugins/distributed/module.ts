import { realClock } from '../../core/clock.ts'
import { messageOf, quote } from '../../core/errors.ts'
import type { Evaluator, EvaluatorDefinition, EvaluatorFunction, SearchSpace } from '../../core/index.ts'
import { seeded } from '../../core/index.ts'
import { error } from './errors.ts'

type Exported = EvaluatorFunction | Evaluator | EvaluatorDefinition

/** The exports that a worker uses of the module with which it was started. */
export interface WorkerModule {
  readonly space: SearchSpace
  readonly evaluator: Exported
}

/** Error: ARCHLOOM_DISTRIBUTED_MODULE. */
export async function loadWorkerModule(module: URL): Promise<WorkerModule> {
  const refuse = (received: string, cause?: unknown) =>
    error('ARCHLOOM_DISTRIBUTED_MODULE', { module: module.href, received }, { cause })
  let exported: Partial<WorkerModule>
  try {
    exported = await import(module.href)
  } catch (cause) {
    throw refuse(`cannot be loaded (${messageOf(cause)})`, cause)
  }
  const { space, evaluator } = exported
  if (typeof space?.decode !== 'function') throw refuse('exports no search space called `space`')
  const isUsable = typeof evaluator === 'function' || (typeof evaluator === 'object' && evaluator !== null)
  if (!isUsable) throw refuse(`exports ${quote(evaluator)} as \`evaluator\``)
  return { space, evaluator }
}

/** The evaluator in this process. */
export async function evaluatorHere({ space, evaluator }: WorkerModule): Promise<Evaluator> {
  if (typeof evaluator === 'function')
    return {
      kind: 'from-scratch',
      name: evaluator.name || 'function',
      evaluate: async (request, context) => ({ metrics: await evaluator(request.architecture, request, context) }),
    }
  if ('evaluate' in evaluator) return evaluator
  return evaluator.create({ space, rng: seeded(0), clock: realClock })
}
