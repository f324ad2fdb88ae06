// Your own scheduler: it gives up a trial whose loss does not improve for three reports.
//     npx archloom run examples/custom-scheduler.ts
import { fileURLToPath } from 'node:url'
import {
  createSearch,
  definePlugin,
  defineSpace,
  product,
  real,
  type SchedulerFactory,
  type StudyOptions,
} from 'archloom'
import { random } from 'archloom/plugins/random'

/** Stops a trial after `reports` reports in a row that were no better than the best before. */
export const standstill =
  (reports: number): SchedulerFactory =>
  () => {
    const running = new Map<number, { best: number; since: number }>()
    return {
      report(trial, { step, metrics }) {
        if (step === undefined) return 'continue'
        const loss = metrics.loss ?? Number.POSITIVE_INFINITY
        const known = running.get(trial) ?? { best: Number.POSITIVE_INFINITY, since: 0 }
        running.set(trial, loss < known.best ? { best: loss, since: 0 } : { ...known, since: known.since + 1 })
        return running.get(trial)!.since >= reports ? 'stop' : 'continue'
      },
      restart: (trial) => void running.delete(trial),
    }
  }

export const stopAtStandstill = ({ reports = 3 }: { reports?: number } = {}) =>
  definePlugin({
    name: 'standstill',
    provides: ['scheduler'],
    bind: ({ scheduler }) => scheduler.to(standstill(reports)),
  })

interface Options {
  readonly trials?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 30, study = {}, log = console.log }: Options = {}) {
  // Gradient descent on x⁴ is slow if the rate is too small, and diverges if it is too large.
  const space = defineSpace('descent', product({ rate: real(1e-4, 1, { scale: 'log' }) }))
  let steps = 0
  await using search = createSearch({
    space,
    evaluator: ({ rate }, _request, { report }) => {
      let x = 2
      for (let step = 1; step <= 50; step++) {
        steps++
        x = Math.max(-1e3, Math.min(1e3, x - rate * 4 * x ** 3))
        if (report(step, { loss: x ** 4 }) === 'stop') break
      }
      return { loss: x ** 4 }
    },
    plugins: [random(), stopAtStandstill()],
    objectives: { loss: 'minimise' },
    budget: { maxTrials: trials },
    study,
  })
  search.on('trial.pruned', ({ trial, metrics }) => log(`trial ${trial} stands still at loss ${metrics.loss}`))
  const { completed, pruned } = await search.finish()
  const [best] = search.best(1)
  log(`${completed} completed, ${pruned} given up, ${steps} steps of ${50 * trials}`)
  log(`best rate ${best?.architecture.rate.toExponential(2)}, loss ${best?.metrics.loss}`)
  return { completed, pruned, steps, best: best?.architecture }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
