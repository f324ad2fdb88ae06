import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Evaluation, EvaluationContext, EvaluationRequest, Evaluator } from '../evaluator.ts'
import { optionNames } from '../options/index.ts'
import { seeded } from '../random.ts'
import type { SearchSpace } from '../space/space.ts'
import { liveTensors } from './leaks.ts'

export interface EvaluatorContractSubject<A> {
  readonly evaluator: Evaluator<A>
  readonly space: SearchSpace<A>
}

export interface EvaluatorContractOptions {
  /** Number of evaluations after the first during which the number of tensors must not grow. Default: 3. */
  readonly evaluations?: number
  /** Metrics that measure time and so differ from run to run, such as latencyMs. */
  readonly volatile?: readonly string[]
  /** Fidelity to test with. Default: 1. */
  readonly fidelity?: number
}

/** A context for calling an evaluator by hand: it never stops the evaluation and keeps no reports. */
export const evaluationContext = (given: Partial<EvaluationContext> = {}): EvaluationContext => ({
  signal: new AbortController().signal,
  report: () => 'continue',
  tell: () => {},
  started: () => {},
  ...given,
})

interface Report {
  readonly step: number
  readonly metrics: Readonly<Record<string, number>>
}

const evaluatorContractNames = optionNames<EvaluatorContractOptions>('evaluatorContract', {
  evaluations: true,
  volatile: true,
  fidelity: true,
})

/**
 * Tests for what every evaluator must guarantee (see `Evaluator`). Call it at the top level of a test file. `create`
 * is called more than once. Start the engine before, and choose small data and networks so that the tests are fast.
 *
 *     evaluatorContract('my evaluator', async () => ({ evaluator: myEvaluator(…), space }))
 */
export function evaluatorContract<A>(
  name: string,
  create: () => EvaluatorContractSubject<A> | Promise<EvaluatorContractSubject<A>>,
  given: EvaluatorContractOptions = {},
): void {
  const { evaluations = 3, volatile = [], fidelity = 1 } = evaluatorContractNames(given)
  describe(`${name} keeps the contract of evaluators`, () => {
    let subject: EvaluatorContractSubject<A>
    let tensorsBefore: number
    beforeAll(async () => {
      tensorsBefore = liveTensors()
      subject = await create()
    })
    // The last test checks disposal and may have disposed of the evaluator already.
    let disposed = false
    const dispose = async () => {
      if (!disposed) await subject.evaluator[Symbol.asyncDispose]?.()
      disposed = true
    }
    afterAll(dispose)

    const requestOf = (trial: number, space = subject.space): EvaluationRequest<A> => {
      const genotype = space.random(seeded(`${name}/${trial}`))
      return { trial, genotype, architecture: space.decode(genotype), seed: 1 + trial, fidelity }
    }
    const evaluate = (
      request: EvaluationRequest<A>,
      { evaluator = subject.evaluator, signal = new AbortController().signal, onReport = (_: Report) => {} } = {},
    ): Promise<Evaluation> =>
      evaluator.evaluate(
        request,
        evaluationContext({
          signal,
          report: (step, metrics) => {
            onReport({ step, metrics })
            return 'continue'
          },
        }),
      )
    const steady = ({ metrics }: Evaluation) =>
      Object.fromEntries(Object.entries(metrics).filter(([metric]) => !volatile.includes(metric)))
    const expectNumbers = (metrics: Readonly<Record<string, number>>) => {
      expect(Object.keys(metrics).length).toBeGreaterThan(0)
      for (const [metric, value] of Object.entries(metrics))
        expect(typeof value === 'number' && Number.isFinite(value), `${metric} is ${value}`).toBe(true)
    }

    it('measures finite numbers, and reports finite numbers at rising steps', async () => {
      const reports: Report[] = []
      const evaluation = await evaluate(requestOf(0), { onReport: (report) => reports.push(report) })
      expectNumbers(evaluation.metrics)
      if (evaluation.simulatedSeconds !== undefined) expect(evaluation.simulatedSeconds).toBeGreaterThanOrEqual(0)
      for (const { metrics } of reports) expectNumbers(metrics)
      const steps = reports.map(({ step }) => step)
      expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b))
    })

    it('measures the same for the same request, whatever came between, and in a new instance', async () => {
      const first = await evaluate(requestOf(1))
      await evaluate(requestOf(2))
      expect(steady(await evaluate(requestOf(1)))).toEqual(steady(first))
      const fresh = await create()
      try {
        const again = await evaluate(requestOf(1, fresh.space), { evaluator: fresh.evaluator })
        expect(steady(again)).toEqual(steady(first))
      } finally {
        await fresh.evaluator[Symbol.asyncDispose]?.()
      }
    })

    it('does not change the request', async () => {
      const request = requestOf(3)
      const before = JSON.stringify(request)
      await evaluate(request)
      expect(JSON.stringify(request)).toBe(before)
    })

    it('stops when aborted: at most one more report, and no work at all if aborted before', async () => {
      const settled = async (request: EvaluationRequest<A>, abort: AbortController, onReport: () => void) => {
        await evaluate(request, { signal: abort.signal, onReport }).catch(() => undefined)
      }
      const abort = new AbortController()
      let reports = 0
      await settled(requestOf(4), abort, () => {
        reports++
        abort.abort()
      })
      expect(reports).toBeLessThanOrEqual(2)
      reports = 0
      const aborted = new AbortController()
      aborted.abort()
      await settled(requestOf(4), aborted, () => {
        reports++
      })
      expect(reports).toBe(0)
    })

    it('works after an abort as before', async () => {
      const expected = await evaluate(requestOf(5))
      const abort = new AbortController()
      await evaluate(requestOf(6), { signal: abort.signal, onReport: () => abort.abort() }).catch(() => undefined)
      expect(steady(await evaluate(requestOf(5)))).toEqual(steady(expected))
    })

    it('leaves no tensor behind, neither from trial to trial nor after an abort', async () => {
      await evaluate(requestOf(0))
      const [tensors, bytes] = [liveTensors(), tf.engine().state.numBytes]
      for (let trial = 0; trial < evaluations; trial++) await evaluate(requestOf(trial))
      const abort = new AbortController()
      await evaluate(requestOf(0), { signal: abort.signal, onReport: () => abort.abort() }).catch(() => undefined)
      expect(liveTensors() - tensors, 'tensors left behind').toBe(0)
      expect(tf.engine().state.numBytes - bytes, 'bytes left behind').toBe(0)
    })

    it('releases everything when disposed', async () => {
      await dispose()
      expect(liveTensors() - tensorsBefore, 'tensors left behind').toBe(0)
    })
  })
}
