/**
 * The program of a worker process (never imported). It runs the one unit that its parent sends, and ends when its
 * parent ends.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { replaceFileSync } from '../../node/files.ts'
import type { Experiment } from '../../reproduction.ts'
import {
  digestOf,
  type FromUnit,
  handOver,
  linesOf,
  PREPARATION,
  PREPARED,
  preparedFolder,
  type UnitRequest,
} from './units.ts'

const say = (message: FromUnit) => process.send?.(message)

async function run({ module, unit, data, work }: UnitRequest): Promise<string> {
  const { medium } = (await import(module)) as { readonly medium: Experiment }
  const part = medium.parts.find(({ name }) => name === unit.part)
  if (!part) throw new Error(`${module} has no part ${unit.part}`)
  const folder = preparedFolder(work, unit)
  mkdirSync(folder, { recursive: true })
  const context = {
    seed: unit.seed,
    folder,
    log: (text: string) => void say({ log: text }),
    signal: new AbortController().signal,
    ...(data !== undefined && { data }),
  }
  const preparing = unit.arm === PREPARATION
  const measurements = preparing ? ((await part.prepare?.(context)) ?? []) : await part.run(unit.arm, context)
  const { user, system } = process.cpuUsage()
  const seconds = Math.round((user + system) / 1e5) / 10
  const own = preparing ? [...measurements, { metric: PREPARED, value: 1 }] : measurements
  handOver(work, unit, linesOf(unit, own, { seconds, settings: digestOf(part) }))
  // Written last, because the arms of this seed may start as soon as it exists.
  if (preparing) replaceFileSync(join(folder, PREPARED), digestOf(part))
  const last = new Map(own.map(({ metric, value }) => [metric, value]))
  return [...last]
    .slice(0, 4)
    .map(([metric, value]) => `${metric} ${Number(value.toPrecision(4))}`)
    .join(', ')
}

process.once('message', (request: UnitRequest) => {
  run(request)
    .then(
      (done) => say({ done }),
      (thrown: unknown) =>
        say({ failed: thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown) }),
    )
    .finally(() => process.disconnect())
})
process.once('disconnect', () => process.exit())
