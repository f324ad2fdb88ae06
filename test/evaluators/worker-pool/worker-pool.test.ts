import {
  createSearch,
  defineSpace,
  memoryStore,
  oneOf,
  product,
  type SearchEvent,
  seeded,
  virtualClock,
} from 'archloom'
import { workerPool } from 'archloom/evaluators/worker-pool'
import { random } from 'archloom/plugins/random'
import { evaluationContext } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import { space } from './modules/behaviours.ts'
import { space as tiny, evaluator as training } from './modules/training.ts'

const moduleOf = (name: string) => new URL(`./modules/${name}.ts`, import.meta.url)
const parts = { space, rng: seeded(1), clock: virtualClock() }

/** Evaluates one after the other in a pool; metrics, or the message of what was thrown. */
async function outcomes(does: readonly string[]) {
  const evaluator = await workerPool({ module: moduleOf('behaviours'), size: 1, graceSeconds: 0.1 }).create(parts)
  const results: (Readonly<Record<string, number>> | string)[] = []
  for (const [trial, name] of does.entries()) {
    const genotype = space.encode({ does: name as 'answer' })
    const request = { trial, genotype, architecture: space.decode(genotype), seed: trial + 1, fidelity: 1 }
    const abort = new AbortController()
    const endless = ['wait', 'spin'].includes(name)
    const report = () => {
      if (endless) setTimeout(() => abort.abort(new Error('too long')), 20)
      return 'continue' as const
    }
    const context = evaluationContext({ signal: abort.signal, report })
    const outcome = await evaluator.evaluate(request, context).catch((thrown: Error) => thrown)
    results.push(outcome instanceof Error ? outcome.message : outcome.metrics)
  }
  await evaluator[Symbol.asyncDispose]?.()
  return results
}

describe('workerPool', () => {
  it('evaluates elsewhere, brings back what was thrown, and outlives processes that die or hang', async () => {
    const does = ['answer', 'throw', 'diverge', 'answer', 'exit', 'answer', 'wait', 'spin', 'answer']
    const [first, thrown, diverged, same, died, next, waited, spun, last] = await outcomes(does)
    const pid = (outcome: unknown) => (outcome as { pid: number }).pid
    expect(first).toMatchObject({ value: 1 })
    expect(pid(first)).not.toBe(process.pid)
    expect(thrown).toBe('out of luck')
    expect(diverged).toBe('ARCHLOOM_TRAINING_DIVERGED: to infinity')
    expect(same).toEqual({ value: 4, pid: pid(first) })
    expect(died).toMatch(/ARCHLOOM_WORKER_DIED.*exit code 3.*no memory left/)
    expect(next).toMatchObject({ value: 6 })
    expect(pid(next)).not.toBe(pid(first))
    expect(waited).toBe('stopped waiting')
    expect(spun).toMatch(/ARCHLOOM_WORKER_DIED.*SIGKILL/)
    expect(last).toMatchObject({ value: 9 })
  })

  it('gives a search the trials that one process gives, several at once', async () => {
    const ended = async (evaluator: Parameters<typeof createSearch>[0]['evaluator'], concurrency: number) => {
      await using search = createSearch({
        space: tiny,
        ...(evaluator && { evaluator }),
        plugins: [random()],
        objectives: { accuracy: 'maximise' },
        budget: { maxTrials: 6 },
        study: memoryStore(),
        concurrency,
      })
      const events: SearchEvent[] = []
      for await (const event of search.run()) events.push(event)
      expect(events.filter(({ type }) => type === 'trial.progress').length).toBeGreaterThanOrEqual(6)
      return events
        .flatMap((event) => (event.type === 'trial.completed' ? [[event.trial, event.metrics] as const] : []))
        .sort(([a], [b]) => a - b)
    }
    const pooled = await ended(workerPool({ module: moduleOf('training'), size: 2 }), 2)
    expect(pooled.length).toBe(6)
    expect(pooled).toEqual(await ended(training, 1))
  })

  it('makes a dead process a failed trial of the search', async () => {
    const only = defineSpace('behaviours', product({ does: oneOf('exit') }))
    await using search = createSearch({
      space: only,
      evaluator: {
        ...workerPool({ module: moduleOf('behaviours'), size: 1 }),
        create: (given) => workerPool({ module: moduleOf('behaviours'), size: 1 }).create({ ...given, space }),
      },
      plugins: [random()],
      objectives: { value: 'maximise' },
      budget: { maxTrials: 2 },
      study: memoryStore(),
    })
    const codes: string[] = []
    for await (const event of search.run()) if (event.type === 'trial.failed') codes.push(event.code)
    expect(codes).toEqual(['ARCHLOOM_WORKER_DIED', 'ARCHLOOM_WORKER_DIED'])
  })

  it('refuses at the start what cannot work', async () => {
    const start = (name: string, given = space) =>
      workerPool({ module: moduleOf(name) }).create({ ...parts, space: given as typeof space })
    await expect(start('nothing')).rejects.toThrow(/ARCHLOOM_WORKER_MODULE.*evaluator is undefined/)
    await expect(start('broken')).rejects.toThrow('this module is broken')
    await expect(start('absent')).rejects.toThrow('absent.ts')
    const other = defineSpace('others', product({ does: oneOf('answer') }))
    await expect(start('behaviours', other as unknown as typeof space)).rejects.toThrow('ARCHLOOM_WORKER_SPACE')
    for (const bad of [{ size: 0 }, { graceSeconds: -1 }, { module: './evaluator.ts' as unknown as URL }])
      expect(() => workerPool({ module: moduleOf('behaviours'), ...bad })).toThrow('ARCHLOOM_OPTION')
  })
})
