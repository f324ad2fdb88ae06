import { basename, dirname, relative, resolve } from 'node:path'
import { realClock } from '../../clock.ts'
import { journalStudies, locateStudy, STUDIES } from '../../node/studies.ts'
import type { Json } from '../../space/decision.ts'
import type { Artifacts } from '../../study/store.ts'
import { type Studies, withoutPassword } from '../../study/studies.ts'
import { type DashboardWish, dashboardOf, dashboardProcess, stay, studyNameFor } from '../dashboard/open.ts'
import { error } from '../errors.ts'
import { describeFlags, parseFlags } from '../flags.ts'
import { follow } from '../follow.ts'
import { offering, onInterrupt } from '../interrupt.ts'
import { loadModule, type ModuleOptions, type SearchModule, searchOf } from '../load-module.ts'
import type { Output } from '../output.ts'
import { statusLine } from '../status-line.ts'
import { storageAt } from '../storage.ts'

/** Name of the artifact that records which command created a study. */
const COMMAND_FILE = 'command.json'

interface Recorded {
  readonly module: string
  readonly flags: Readonly<Record<string, Json>>
}

export interface RunOptions {
  /** Arguments for the module itself. */
  readonly args: readonly string[]
  /** Flags of the command itself. */
  readonly ownFlags: readonly string[]
  /** Name of the study. */
  readonly study?: string | undefined
  readonly directory: string
  /** Where studies are kept, instead of a folder. */
  readonly storage?: string | undefined
  readonly top: number
  readonly help: boolean
  /** Show the search in the browser. */
  readonly dashboard?: DashboardWish | undefined
  readonly output: Output
}

/** `archloom run <module>` */
export async function run(file: string, given: RunOptions): Promise<number> {
  const module = await loadModule(file)
  if (given.help) {
    const flags = module.flags
      ? describeFlags(module.flags)
      : '  (the module declares none; any --name value is passed to it)'
    given.output.log(`Flags of ${file}:\n${flags}`)
    return 0
  }
  const flags = parseFlags(given.args, module.flags, file, given.ownFlags)
  const { storage, directory } = given
  // The module may also name the study itself, and mean one of this storage.
  const studies = storage === undefined ? undefined : await storageAt(storage)
  const place = storage === undefined ? { directory } : { storage }
  // A dashboard shows stored studies, so a program that drives its own search must be told where to store its study.
  // So must any program whose study is not to be kept in the default folder.
  const isElsewhere = storage !== undefined || directory !== STUDIES
  const isNamed = isElsewhere || (given.dashboard && !module.search)
  const name = given.study ?? (isNamed ? studyNameFor(file, directory, await studies?.list()) : undefined)
  const study = name === undefined ? {} : { study: { name, ...place } }
  const named = studies && name !== undefined ? { studies, name } : undefined
  return start(module, flags, study, given, { place: named })
}

/** `archloom resume <study>` */
export async function resume(study: string, given: RunOptions & { module?: string | undefined }): Promise<number> {
  const { storage } = given
  const located = storage === undefined ? locateStudy(study, given.directory) : undefined
  const studies = storage === undefined ? journalStudies(located!.directory) : await storageAt(storage)
  const place = { studies, name: located?.name ?? study }
  const store = await studies.open(place.name)
  const { location } = store
  const recorded = await readCommand(store.artifacts)
  await store.close()
  const file = given.module ?? recorded?.module
  if (file === undefined) throw error('ARCHLOOM_RESUME_MODULE', { study })
  const module = await loadModule(file)
  const flags = { ...recorded?.flags, ...parseFlags(given.args, module.flags, file, given.ownFlags) }
  const options = { study: located ?? { storage: storage!, name: study } }
  return start(module, flags, options, given, { place, expected: location })
}

interface Origin {
  /** Where the study is, if the command line knows it. */
  readonly place?: { readonly studies: Studies; readonly name: string } | undefined
  /** The location of the study to continue. */
  readonly expected?: string
}

async function start(
  module: SearchModule,
  flags: Readonly<Record<string, Json>>,
  study: Pick<ModuleOptions, 'study'>,
  { output, top, dashboard, directory, storage }: RunOptions,
  { place, expected }: Origin,
): Promise<number> {
  const stop = new AbortController()
  using line = statusLine(output.progress, realClock)
  const log = (text: string) => {
    line[Symbol.dispose]()
    output.log(text)
  }
  const options: ModuleOptions = { ...flags, ...study, log, status: line.show, signal: stop.signal }
  if (module.search === undefined) {
    await using shown = dashboard && (await dashboardProcess(storage ?? `journal:${resolve(directory)}`, dashboard))
    if (shown) output.log(`dashboard   ${shown.url}`)
    const code = await startMain(module, options, stop, output)
    if (shown && !stop.signal.aborted) await stay(shown, output)
    return code
  }
  await using search = await composed(module, options, stop, output)
  await search.open()
  const found = (location: string) => (storage === undefined ? resolve(location) : location)
  if (expected !== undefined && found(search.study) !== found(expected))
    throw error('ARCHLOOM_RESUME_OTHER_STUDY', { file: module.file, received: search.study, expected })
  const journal =
    storage === undefined ? { studies: journalStudies(dirname(search.study)), name: basename(search.study) } : undefined
  await writeCommand(place ?? journal, { module: module.file, flags })
  const path = relative(process.cwd(), search.study) || search.study
  const at = place && storage !== undefined ? `${place.name} --storage '${withoutPassword(storage)}'` : path
  const resumeWith = `npx archloom resume ${at}`
  const stored = place && storage !== undefined ? { storage, study: place.name } : undefined
  await using shown =
    dashboard && (await dashboardOf(search, dashboard, () => stop.abort('stopped on the dashboard'), stored))
  if (shown) output.log(`dashboard  ${shown.url}`)
  const code = await follow(search, { module, options, stop, top, output, resumeWith })
  if (shown && !stop.signal.aborted) await stay(shown, output)
  return code
}

/** Composes the search. Composing may take a while (data, calibration), so Ctrl-C aborts `options.signal`. */
export async function composed(module: SearchModule, options: ModuleOptions, stop: AbortController, output: Output) {
  const offered = offering(options, stop.signal)
  using _signals = onInterrupt({
    stop: () => stop.abort('interrupted'),
    say: (text) => output.note(text),
    isHeeded: offered.isTaken,
  })
  return await searchOf(module, offered.options)
}

/**
 * Runs a program that drives its own search. Ctrl-C aborts `options.signal`; it ends a program that has not read it.
 */
async function startMain(module: SearchModule, options: ModuleOptions, stop: AbortController, output: Output) {
  const offered = offering(options, stop.signal)
  using _signals = onInterrupt({
    stop: () => stop.abort('interrupted'),
    say: (text) => output.note(text),
    isHeeded: offered.isTaken,
  })
  const result = await module.main?.(offered.options)
  output.result(result ?? null)
  return 0
}

/** Writes nothing if the module keeps the study in a store of its own. */
async function writeCommand(place: Origin['place'], recorded: Recorded): Promise<void> {
  if (!place || !(await place.studies.list()).includes(place.name)) return
  const module = relative(process.cwd(), resolve(recorded.module))
  const store = await place.studies.open(place.name)
  try {
    await store.artifacts.write(COMMAND_FILE, Buffer.from(`${JSON.stringify({ ...recorded, module }, null, 2)}\n`))
  } finally {
    await store.close()
  }
}

/** Returns undefined if the file is missing or damaged; the user can then name the module. */
export async function readCommand(artifacts: Artifacts): Promise<Recorded | undefined> {
  try {
    const bytes = await artifacts.read(COMMAND_FILE)
    return bytes && (JSON.parse(Buffer.from(bytes).toString()) as Recorded)
  } catch {
    return undefined
  }
}
