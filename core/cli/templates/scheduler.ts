import type { PartName, PartSource } from './plugin.ts'

export const scheduler = ({ dashed, camel }: PartName): PartSource => ({
  module: `import { declarePlugin, definePlugin, type SchedulerFactory } from 'archloom'
import { type OptionsOf, options, whole } from 'archloom/options'

export const declared = options('${dashed}', {
  reports: whole({ min: 1, default: 3, doc: 'Number of reports without progress after which a trial is stopped.' }),
})
export type Options = OptionsOf<typeof declared>

/** Stops a trial whose reward does not improve for some reports. Error: ARCHLOOM_OPTION. */
export function ${camel}Scheduler(given: Options = {}): SchedulerFactory {
  const { reports } = declared.read(given)
  return () => {
    const running = new Map<number, { readonly best: number; readonly since: number }>()
    return {
      report(trial, { step, reward, ended }) {
        if (ended) running.delete(trial)
        // A report without a step is the end of a rung; without a reward there is nothing to compare.
        if (step === undefined || reward === undefined) return 'continue'
        const { best, since } = running.get(trial) ?? { best: Number.NEGATIVE_INFINITY, since: 0 }
        const now = reward > best ? { best: reward, since: 0 } : { best, since: since + 1 }
        running.set(trial, now)
        return now.since >= reports ? 'stop' : 'continue'
      },
      restart: (trial) => void running.delete(trial),
    }
  }
}

const about = declarePlugin({
  name: '${dashed}',
  kind: 'scheduler',
  does: 'Stops trials that no longer improve.',
  provides: ['scheduler'],
  options: declared,
})

/** createSearch({ plugins: [random(), ${camel}()], … }) */
export function ${camel}(options: Options = {}) {
  const factory = ${camel}Scheduler(options)
  return definePlugin({ ...about, options, bind: (binder) => binder.scheduler.to(factory) })
}
`,
  test: `import { schedulerContract } from 'archloom/testing'
import { expect, it } from 'vitest'
import { ${camel}, ${camel}Scheduler } from './${dashed}.ts'

schedulerContract('${dashed}', ${camel}Scheduler())

it('refuses a misspelt option', () => {
  expect(() => ${camel}({ report: 2 } as never)).toThrow('did you mean "reports"')
})
`,
})
