import type { Clock } from '../clock.ts'
import type { ControllerFactory } from '../controller.ts'
import type { Evaluation, Evaluator } from '../evaluator.ts'
import { seeded } from '../random.ts'
import type { Json } from '../space/decision.ts'
import { error } from './errors.ts'

/**
 * A controller that does not propose a genotype twice: asks the inner one up to `attempts` times, then walks by
 * mutation to a new one. Exhausted when every architecture of a countable space was proposed.
 */
export const deduped =
  (inner: ControllerFactory, { attempts = 20 }: { attempts?: number } = {}): ControllerFactory =>
  (space, rng) => {
    const controller = inner(space, rng)
    const seen = new Set<string>()
    const countable = space.decisions.every((decision) => decision.kind === 'choice')
    return {
      propose(rng, given) {
        let proposal = controller.propose(rng, given)
        for (let i = 1; seen.has(space.format(proposal.genotype)) && i < attempts; i++)
          proposal = controller.propose(rng, given)
        let { genotype } = proposal
        for (let i = 0; seen.has(space.format(genotype)) && i < 50 * attempts; i++)
          genotype = space.mutate(genotype, rng)
        seen.add(space.format(genotype))
        // A mutated genotype is not what the inner controller drew: its probability does not apply.
        return genotype === proposal.genotype ? proposal : { genotype }
      },
      observe: (observations) => controller.observe(observations),
      snapshot: () => ({ inner: controller.snapshot(), seen: [...seen] }),
      restore(snapshot) {
        const state = snapshot as { inner: Json; seen: string[] }
        controller.restore(state.inner)
        seen.clear()
        for (const key of state.seen) seen.add(key)
      },
      get exhausted() {
        return controller.exhausted === true || (countable && BigInt(seen.size) >= space.size)
      },
      [Symbol.dispose]: () => controller[Symbol.dispose](),
    }
  }

/** An evaluator that remembers: an architecture met again gets its first result, at no cost. */
export const cached = <A>(inner: Evaluator<A>, key: (architecture: A) => string = JSON.stringify): Evaluator<A> => {
  const known = new Map<string, Evaluation>()
  return {
    ...inner,
    name: `cached(${inner.name})`,
    async evaluate(request, context) {
      const id = `${key(request.architecture)}@${request.fidelity}`
      const hit = known.get(id)
      if (hit) return hit
      const evaluation = await inner.evaluate(request, context)
      known.set(id, evaluation)
      return evaluation
    },
  }
}

/** An evaluator that tries again when it throws, with another seed; the last error stands. */
export const retried = <A>(inner: Evaluator<A>, { times = 2 }: { times?: number } = {}): Evaluator<A> => ({
  ...inner,
  name: `retried(${inner.name})`,
  async evaluate(request, context) {
    for (let attempt = 0; ; attempt++) {
      const seed = attempt === 0 ? request.seed : seeded(request.seed).fork(`retry/${attempt}`).tensorSeed()
      try {
        return await inner.evaluate({ ...request, seed }, context)
      } catch (thrown) {
        if (attempt >= times || context.signal.aborted) throw thrown
      }
    }
  },
})

/** An evaluator with a time limit of its own: ARCHLOOM_EVALUATION_TIMEOUT, and its signal is aborted. */
export const timed = <A>(inner: Evaluator<A>, { seconds, clock }: { seconds: number; clock: Clock }): Evaluator<A> => ({
  ...inner,
  name: `timed(${inner.name})`,
  async evaluate(request, context) {
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
      return await Promise.race([inner.evaluate(request, { ...context, signal: abort.signal }), limit])
    } finally {
      done.abort()
      context.signal.removeEventListener('abort', forward)
    }
  },
})
