import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { realClock } from '../../clock.ts'
import { replaceFileSync } from '../../node/files.ts'
import { locateStudy } from '../../node/studies.ts'
import type { Json } from '../../space/decision.ts'
import { error } from '../errors.ts'
import { describeFlags, parseFlags } from '../flags.ts'
import { follow } from '../follow.ts'
import { onInterrupt } from '../interrupt.ts'
import { loadModule, type ModuleOptions, type SearchModule, searchOf } from '../load-module.ts'
import type { Output } from '../output.ts'
import { statusLine } from '../status-line.ts'

/** The file in a study's folder that says which command made it. */
const COMMAND_FILE = 'command.json'

interface Recorded {
  readonly module: string
  readonly flags: Readonly<Record<string, Json>>
}

export interface RunOptions {
  /** Arguments for the module itself. */
  readonly args: readonly string[]
  /** Name of the study. */
  readonly study?: string | undefined
  readonly directory: string
  /** Where studies are kept, instead of a folder. */
  readonly storage?: string | undefined
  readonly top: number
  readonly help: boolean
  readonly output: Output
}

/** `archloom run <module>` */
export async function run(file: string, given: RunOptions): Promise<number> {
  const module = await loadModule(file)
  if (given.help) {
    const flags = module.flags ? describeFlags(module.flags) : '  (none declared: any --name value is passed on)'
    given.output.log(`Flags of ${file}:\n${flags}`)
    return 0
  }
  const flags = parseFlags(given.args, module.flags, file)
  const place = given.storage === undefined ? { directory: given.directory } : { storage: given.storage }
  const study = given.study === undefined ? {} : { study: { name: given.study, ...place } }
  return start(module, flags, study, given)
}

/** `archloom resume <study>` */
export async function resume(study: string, given: RunOptions & { module?: string | undefined }): Promise<number> {
  const { storage } = given
  const located = storage === undefined ? locateStudy(study, given.directory) : undefined
  const place = located ?? { storage: storage as string, name: study }
  const path = located && resolve(located.directory, located.name)
  const recorded = path === undefined ? undefined : readCommand(path)
  const file = given.module ?? recorded?.module
  if (file === undefined) throw error('ARCHLOOM_RESUME_MODULE', { study })
  const module = await loadModule(file)
  const flags = { ...recorded?.flags, ...parseFlags(given.args, module.flags, file) }
  return start(module, flags, { study: place }, given, path)
}

async function start(
  module: SearchModule,
  flags: Readonly<Record<string, Json>>,
  study: Pick<ModuleOptions, 'study'>,
  { output, top }: RunOptions,
  expected?: string,
): Promise<number> {
  const stop = new AbortController()
  using line = statusLine(output.progress, realClock)
  const log = (text: string) => {
    line[Symbol.dispose]()
    output.log(text)
  }
  const options: ModuleOptions = { ...flags, ...study, log, status: line.show, signal: stop.signal }
  if (module.search === undefined) return await startMain(module, options, stop, output)
  await using search = await composed(module, options, stop, output)
  await search.open()
  if (expected !== undefined && resolve(search.study) !== expected)
    throw error('ARCHLOOM_RESUME_OTHER_STUDY', { file: module.file, received: search.study, expected })
  writeCommand(search.study, { module: module.file, flags })
  const resumeWith = `npx archloom resume ${relative(process.cwd(), search.study) || search.study}`
  return await follow(search, { module, options, stop, top, output, resumeWith })
}

/** Composing may take its time (data, calibration): Ctrl-C reaches it as options.signal. */
async function composed(module: SearchModule, options: ModuleOptions, stop: AbortController, output: Output) {
  using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: (text) => output.note(text) })
  return await searchOf(module, options)
}

/** A program that drives its own search: Ctrl-C reaches it as options.signal. */
async function startMain(module: SearchModule, options: ModuleOptions, stop: AbortController, output: Output) {
  using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: (text) => output.note(text) })
  const result = await module.main?.(options)
  output.result(result ?? null)
  return 0
}

function writeCommand(folder: string, recorded: Recorded) {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return
  const module = relative(process.cwd(), resolve(recorded.module))
  replaceFileSync(join(folder, COMMAND_FILE), `${JSON.stringify({ ...recorded, module }, null, 2)}\n`)
}

/** Undefined where it is missing or damaged: the user can name the module. */
function readCommand(folder: string): Recorded | undefined {
  const file = join(folder, COMMAND_FILE)
  try {
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Recorded) : undefined
  } catch {
    return undefined
  }
}
