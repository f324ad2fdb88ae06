import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import type { FitEvent } from './events.ts'
import { type FitOptions, fit } from './fit.ts'
import { loadModel } from './model-folder.ts'

/** Where a command speaks: the command line's own output. */
export interface CommandOutput {
  log(text: string): void
  note(text: string): void
  result(value: unknown): void
}

export interface FitCommandOptions extends Omit<FitOptions, 'data' | 'onEvent'> {
  readonly out: string
  readonly output: CommandOutput
}

const figures = (metrics: Readonly<Record<string, number>>) =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toPrecision(4)}`)
    .join('  ')

function say(event: FitEvent, output: CommandOutput) {
  if (event.type === 'note') output.log(event.message)
  else if (event.type === 'warning') output.note(`warning: ${event.message}`)
  else if (event.type === 'trial')
    output.log(
      `${event.seconds.toFixed(1).padStart(6)} s  trial ${event.trial}: ${figures(event.metrics)}  ${event.name}`,
    )
  else if (event.type === 'winner') output.log(`winner: trial ${event.trial}, ${event.name}; it is trained to the end`)
}

/** `archloom fit`: prints what it finds, writes the model's folder. Returns the exit code. */
export async function fitCommand(data: string, { out, output, ...options }: FitCommandOptions): Promise<number> {
  using result = await fit({ ...options, data, onEvent: (event) => say(event, output) })
  output.log('')
  output.log(`model      ${figures(result.metrics)}  (on rows or images that were not trained on)`)
  for (const { metric, baseline, found } of result.comparison)
    output.log(
      `${metric.padEnd(10)} ${found.value.toPrecision(4)} for ${found.name}, ${baseline.value.toPrecision(4)} for ${baseline.name}`,
    )
  const files = await result.export(out)
  output.log(`written    ${files.join(', ')}`)
  output.log(`use it     npx archloom predict ${out} new-data`)
  if (options.signal?.aborted) output.log(`stopped early; for more, run the same command with more --minutes`)
  const { kind, task, classes, metrics, comparison, warnings } = result
  output.result({ kind, task, classes, metrics, comparison, warnings, trials: result.trials.length, files })
  return 0
}

const quoted = (value: string | number) => {
  const text = String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** `archloom predict`: predictions as CSV on stdout, or as one JSON object. Returns the exit code. */
export async function predictCommand(folder: string, data: string, output: CommandOutput): Promise<number> {
  await using model = await loadModel(folder)
  const files = model.description.kind === 'images' ? await imagesAt(data) : data
  const predictions = await model.predict(files)
  const names = Object.keys(predictions[0] ?? { predicted: '' })
  output.log(
    [names.map(quoted).join(','), ...predictions.map((row) => names.map((name) => quoted(row[name]!)).join(','))].join(
      '\n',
    ),
  )
  output.result({ predictions })
  return 0
}

async function imagesAt(path: string): Promise<string[]> {
  let isFolder = false
  try {
    isFolder = statSync(path).isDirectory()
  } catch (cause) {
    throw new Error(`${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
  return isFolder ? (await readdir(path)).sort().map((name) => join(path, name)) : [path]
}
