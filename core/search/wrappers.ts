import { type Clock, realClock } from '../clock.ts'
import type { Controller, ControllerFactory } from '../controller.ts'
import type { Evaluation, Evaluator, EvaluatorDefinition, EvaluatorParts } from '../evaluator.ts'
import { optionNames } from '../options/index.ts'
import { seeded } from '../random.ts'
import type { SearchSpace } from '../space/space.ts'
import { error } from '../trial/errors.ts'

const dedupedNames = optionNames<DedupedOptions>('deduped', { attempts: true })

/**
 * A controller that never proposes a genotype twice. It asks the inner controller up to `attempts` times, then mutates
 * the last proposal until it is new. It is exhausted when every architecture of a countable space was proposed.
 */
export const deduped = (inner: ControllerFactory, options: DedupedOptions = {}): ControllerFactory => {
  dedupedNames(options)
  return (space, rng) => withoutRepeats(inner(space, rng), space, options)
}

export interface DedupedOptions {
  /** How often the inner controller is asked before its proposal is mutated instead. Default: 20. */
  readonly attempts?: number
}

/** Like `deduped`, for a controller that exists already. */
export function withoutRepeats(
  controller: Controller,
  space: SearchSpace,
  { attempts = 20 }: DedupedOptions = {},
): Controller {
  const seen = new Set<string>()
  const countable = space.decisions.every((decision) => decision.kind === 'choice')
  const isExhausted = () => controller.exhausted === true || (countable && BigInt(seen.size) >= space.size)
  return {
    propose(rng, given) {
      if (isExhausted()) return 'exhausted'
      let proposal = controller.propose(rng, given)
      for (let i = 1; i < attempts && typeof proposal === 'object' && seen.has(space.format(proposal.genotype)); i++)
        proposal = controller.propose(rng, given)
      if (typeof proposal === 'string') return proposal
      let { genotype } = proposal
      for (let i = 0; seen.has(space.format(genotype)) && i < 50 * attempts; i++) genotype = space.mutate(genotype, rng)
      seen.add(space.format(genotype))
      if (genotype === proposal.genotype) return proposal
      // A mutated genotype is not what the inner controller drew: its probability does not apply, its context does.
      const { logProbability: _, ...rest } = proposal
      return { ...rest, genotype }
    },
    observe: (observations) => controller.observe(observations),
    get exhausted() {
      return isExhausted()
    },
    [Symbol.dispose]: () => controller[Symbol.dispose](),
  }
}

/**
 * Applies a change to an evaluator, or to the one that a definition will create. Functions become evaluators first:
 * see `evaluatorOf`.
 */
function wrapped<E extends Evaluator<never> | EvaluatorDefinition<never>>(
  inner: E,
  label: string,
  change: (evaluator: Evaluator<never>, parts: { readonly clock: Clock }) => Partial<Evaluator<never>>,
): E {
  const name = `${label}(${inner.name})`
  if (!('create' in inner)) return { ...inner, name, ...change(inner, { clock: realClock }) }
  return {
    ...inner,
    name,
    create: async (parts: EvaluatorParts<never>) => {
      const evaluator = await inner.create(parts)
      // The original becomes the prototype, so that other methods and the fields they need are kept.
      return Object.assign(Object.create(evaluator) as Evaluator<never>, { name, ...change(evaluator, parts) })
    },
  }
}

/**
 * An evaluator that remembers its results: an architecture that is evaluated again at the same fidelity gets its first
 * result at no cost. A resumed search restores the results from its journal. Accepts an evaluator or a definition,
 * such as the one that tabular() returns.
 */
export const cached = <A, E extends Evaluator<A> | EvaluatorDefinition<A>>(
  inner: E,
  key: (architecture: A) => string = JSON.stringify,
): E =>
  wrapped(inner as never, 'cached', (evaluator) => {
    const known = new Map<string, Evaluation>()
    const idOf = (architecture: A, fidelity: number) => `${key(architecture)}@${fidelity}`
    return {
      async evaluate(request, context) {
        const id = idOf(request.architecture, request.fidelity)
        const hit = known.get(id)
        if (hit) return hit
        const evaluation = await evaluator.evaluate(request, context)
        known.set(id, evaluation)
        return evaluation
      },
      recall(architecture, fidelity, evaluation) {
        const id = idOf(architecture, fidelity)
        if (!known.has(id)) known.set(id, evaluation)
        evaluator.recall?.(architecture, fidelity, evaluation)
      },
    }
  }) as E

const retriedNames = optionNames<{ times?: number }>('retried', { times: true })

/**
 * An evaluator that retries with another seed if it throws; if all attempts throw, the last error is thrown. Accepts
 * definitions as well.
 */
export const retried = <A, E extends Evaluator<A> | EvaluatorDefinition<A>>(
  inner: E,
  given: { times?: number } = {},
): E => {
  const { times = 2 } = retriedNames(given)
  return wrapped(inner as never, 'retried', (evaluator) => ({
    async evaluate(request, context) {
      for (let attempt = 0; ; attempt++) {
        const seed = attempt === 0 ? request.seed : seeded(request.seed).fork(`retry/${attempt}`).tensorSeed()
        try {
          return await evaluator.evaluate({ ...request, seed }, context)
        } catch (thrown) {
          if (attempt >= times || context.signal.aborted) throw thrown
        }
      }
    },
  })) as E
}

const timedNames = optionNames<{ seconds: number; clock?: Clock }>('timed', { seconds: true, clock: true })

/**
 * An evaluator with its own time limit. After the limit it throws ARCHLOOM_EVALUATION_TIMEOUT and aborts the signal of
 * the evaluation. A definition uses the clock of the search, an evaluator uses `clock` (default: the wall clock).
 */
export const timed = <A, E extends Evaluator<A> | EvaluatorDefinition<A>>(
  inner: E,
  options: { seconds: number; clock?: Clock },
): E => {
  const { seconds, clock: given } = timedNames(options)
  return wrapped(inner as never, 'timed', (evaluator, parts) => ({
    async evaluate(request, context) {
      const clock = given ?? parts.clock
      const abort = new AbortController()
      const done = new AbortController()
      const forward = () => abort.abort(context.signal.reason)
      context.signal.addEventListener('abort', forward, { once: true })
      const limit = clock.sleep(seconds * 1000, done.signal).then(() => {
        if (done.signal.aborted) return new Promise<never>(() => {})
        abort.abort('timeout')
        throw error('ARCHLOOM_EVALUATION_TIMEOUT', { seconds })
      })
      try {
        return await Promise.race([evaluator.evaluate(request, { ...context, signal: abort.signal }), limit])
      } finally {
        done.abort()
        context.signal.removeEventListener('abort', forward)
      }
    },
  })) as E
}
