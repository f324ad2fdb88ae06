import { relative } from 'node:path'
import { realClock } from '../../clock.ts'
import { checkSpace } from '../../study/export-top.ts'
import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import type { Network } from '../../trainer.ts'
import { error } from '../errors.ts'
import { onInterrupt } from '../interrupt.ts'
import { loadModule, type ModuleOptions } from '../load-module.ts'
import type { Output } from '../output.ts'
import { statusLine } from '../status-line.ts'
import { metricsText } from '../text.ts'
import { composed, readCommand } from './run.ts'

export interface ExportNetworkOptions {
  readonly studies: Studies
  readonly to: 'onnx' | 'tfjs' | 'safetensors'
  /** Default: the best trial. */
  readonly trial?: number | undefined
  readonly out?: string | undefined
  /** The module that composes the search. Default: the one that created the study. */
  readonly module?: string | undefined
  /** How the search is told which study it continues. */
  readonly study: NonNullable<ModuleOptions['study']>
  readonly output: Output
}

/** `archloom export <study> --to onnx`: trains the network of a trial, from saved weights if there are any, and writes it. */
export async function exportNetwork(name: string, given: ExportNetworkOptions): Promise<number> {
  const { studies, to, output } = given
  const store = await studies.open(name)
  const study = await readRecord(store)
  const recorded = await readCommand(store.artifacts)
  await store.close()
  const { completed, failed } = study.state
  const number = given.trial ?? study.best(1)[0]?.trial
  if (number === undefined) throw error('ARCHLOOM_EXPORT_NOTHING', { study: study.name, completed, failed })
  const file = given.module ?? recorded?.module
  const module = file === undefined ? undefined : await loadModule(file)
  if (module?.search === undefined) throw error('ARCHLOOM_EXPORT_MODULE', { study: study.name, to })
  const stop = new AbortController()
  using line = statusLine(output.progress, realClock)
  const options: ModuleOptions = {
    ...recorded?.flags,
    study: given.study,
    log: (text) => output.note(text),
    status: line.show,
    signal: stop.signal,
  }
  await using search = await composed(module, options, stop, output)
  checkSpace(study.name, search.space, study.started.space.fingerprint)
  using _signals = onInterrupt({ stop: () => stop.abort(new Error('interrupted')), say: (text) => output.note(text) })
  const trial = study.trials.find((each) => each.trial === number)
  output.note(
    trial?.checkpoint === undefined
      ? `trains the network of trial ${number} again, from its own seed`
      : `trial ${number} is paused; its training continues from the saved weights`,
  )
  using network = await search.train(number, {
    signal: stop.signal,
    onProgress: (step, metrics) => line.show(`step ${step}  ${metricsText(metrics)}`),
  })
  line[Symbol.dispose]()
  const out = given.out ?? `${study.name}-trial-${number}${to === 'tfjs' ? '' : `.${to}`}`
  await write(network, to, out)
  output.log(`wrote the network of trial ${number} to ${relative(process.cwd(), out) || out}`)
  const { inputShape: input, outputShape } = network
  const metrics = trial?.metrics ?? {}
  output.result({ study: study.location, to, out, trial: number, input, output: outputShape, metrics })
  return 0
}

async function write(network: Network, to: ExportNetworkOptions['to'], out: string): Promise<void> {
  const { exportGraphModel, exportOnnx, saveSafetensors } = await import('archloom/plugins/onnx')
  if (to === 'onnx') await exportOnnx(network, { file: out })
  else if (to === 'tfjs') await exportGraphModel(network, out)
  else await saveSafetensors(out, network)
}
