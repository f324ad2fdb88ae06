import { availableParallelism, cpus } from 'node:os'
import type { Json } from '../../space/decision.ts'
import { error } from '../errors.ts'
import { parseFlags } from '../flags.ts'
import { benchFolder, benchNames } from '../names.ts'
import { type Output, widthOf } from '../output.ts'
import { numberText, tableText } from '../text.ts'

export interface BenchResult {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The name of the reference, which is measured in the same run. A ratio above 1 is better than the reference. */
  readonly reference?: string
  readonly ratio?: number
}

/** What a benchmark's `run` returns. */
export interface Bench {
  readonly bench: string
  readonly machine?: Readonly<Record<string, Json>>
  readonly results: readonly BenchResult[]
}

interface BenchModule {
  readonly run?: (options: Readonly<Record<string, unknown>>) => Promise<Bench>
}

async function benchNamed(name: string): Promise<BenchModule> {
  const known = benchNames()
  if (!known.includes(name)) throw error('ARCHLOOM_BENCH_UNKNOWN', { name, known })
  return (await import(new URL(`${name}.ts`, benchFolder).href)) as BenchModule
}

/** `archloom bench <name>`: ratios against a reference measured in the same run. */
export async function bench(name: string, args: readonly string[], output: Output): Promise<number> {
  const { run } = await benchNamed(name)
  const path = `test/bench/${name}.ts`
  if (typeof run !== 'function')
    throw error('ARCHLOOM_MODULE_EXPORTS', { file: path, received: [], expected: 'run(options)' })
  // A signal ends the process by way of its 'exit' handlers, which end the servers that a benchmark has started.
  process.once('SIGTERM', () => process.exit(143)).once('SIGINT', () => process.exit(130))
  const measured = await run({ ...parseFlags(args, undefined, path), json: output.json, log: output.log })
  const rows = measured.results.map(({ name: what, value, unit, reference, ratio }) => [
    what,
    numberText(value),
    unit,
    ratio === undefined ? '' : `${numberText(ratio)}×`,
    reference ?? '',
  ])
  output.log(tableText(['name', 'value', 'unit', 'ratio', 'reference'], rows, widthOf(output.reader, 160)))
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model ?? 'unknown', node: process.version }
  output.result({ machine, ...measured })
  return 0
}
