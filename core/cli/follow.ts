import { realClock } from '../clock.ts'
import type { Search } from '../composition/search.ts'
import type { Json } from '../space/decision.ts'
import { GRACE_SECONDS, offering, onInterrupt } from './interrupt.ts'
import type { ModuleOptions, SearchModule } from './load-module.ts'
import type { Output } from './output.ts'
import { progressDisplay } from './progress.ts'
import { printReport, runResult, writePictures } from './report/report.ts'

export interface FollowOptions {
  readonly module: SearchModule
  /** The options that the module's function received. */
  readonly options: ModuleOptions
  /** Aborts `options.signal`. */
  readonly stop: AbortController
  /** Number of best architectures to show. */
  readonly top: number
  readonly output: Output
  /** The command that continues the study. */
  readonly resumeWith: string
}

/**
 * Runs a search to its end and shows its progress. Ctrl-C stops it cleanly. At the end it prints the best
 * architectures and the paths of all files. Returns the exit code.
 */
export async function follow(search: Search, given: FollowOptions): Promise<number> {
  const { module, options, stop, top, output, resumeWith } = given
  output.log(`${search.describe()}\n`)
  try {
    await watched(search, stop, output)
  } catch (thrown) {
    // What was refused before its first trial has nothing to go on with.
    if (search.state().proposed > 0)
      output.note(`every event so far is in ${search.study}; continue with: ${resumeWith}`)
    throw thrown
  }
  const study = search.record()
  output.log('')
  printReport(study, output, { top, label: module.label })
  const pictures = await writePictures(study, output, module.picture)
  const stopped = stop.signal.aborted
  const conclusion = stopped || study.best(1).length === 0 ? {} : await conclude(search, module, options, stop, output)
  output.log('')
  for (const file of pictures.filter((path) => path.endsWith('.png'))) output.log(`picture  ${file}`)
  output.log(`study    ${search.study}`)
  output.log(`${stopped ? 'stopped; continue with' : 'resume '}  ${resumeWith}`)
  output.result({ ...runResult(study, top), ...conclusion })
  return study.state.completed === 0 && !stopped ? 1 : 0
}

async function watched(search: Search, stop: AbortController, output: Output): Promise<void> {
  using display = progressDisplay(search.events$, { terminal: output.progress, clock: realClock })
  using _signals = onInterrupt({
    stop: () => stop.abort('interrupted'),
    say: (text) => display.above(text),
    graceSeconds: GRACE_SECONDS,
  })
  await search.finish({ signal: stop.signal })
}

async function conclude(
  search: Search,
  module: SearchModule,
  options: ModuleOptions,
  stop: AbortController,
  output: Output,
): Promise<Readonly<Record<string, Json>>> {
  if (!module.conclude) return {}
  output.log('')
  const offered = offering({ ...options, search }, stop.signal)
  using _signals = onInterrupt({
    stop: () => stop.abort('interrupted'),
    say: (text) => output.note(text),
    isHeeded: offered.isTaken,
  })
  return await module.conclude(offered.options)
}
