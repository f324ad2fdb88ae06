import type { TableLayout } from 'archloom/evaluators/tabular'
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { pluginKinds } from '../composition/plugin.ts'
import { ArchloomError, messageOf } from '../errors.ts'
import { STUDIES } from '../node/studies.ts'
import { nearest } from '../options/suggest.ts'
import { type Scale, scales } from '../reproduction.ts'
import { VERSION } from '../version.ts'
import { benchNames, experimentNames, formNames } from './names.ts'
import { type Output, outputTo, type Terminals } from './output.ts'
import { type Shell, shells } from './shells.ts'
import { type PartKind, partKinds } from './templates/kinds.ts'

const [OK, FAILED, USAGE] = [0, 1, 2]

/** Codes of errors in the command line itself (exit code 2), as opposed to errors of the work that it starts (exit code 1). */
const usageCodes = new Set(['ARCHLOOM_MODULE_FLAG', 'ARCHLOOM_MODULE_FLAG_UNKNOWN'])

/** Runs one command line, without the program's name. Returns the exit code: 0 done, 1 failed, 2 misused. Never throws. */
export async function main(args: readonly string[], terminals: Terminals = process): Promise<number> {
  // The output of a user's module must not mix with the JSON object on stdout.
  const speak = console.log
  if (args.includes('--json')) console.log = console.error
  let code = OK
  const program = commands(terminals, (result) => {
    code = result
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === OK) return OK
    if (args.includes('--json')) terminals.stdout.write(`${JSON.stringify({ error: failureFacts(thrown) })}\n`)
    if (thrown instanceof CommanderError) return USAGE
    terminals.stderr.write(`${failureText(thrown, args.includes('--verbose'))}\n`)
    return ArchloomError.is(thrown) && usageCodes.has(thrown.code) ? USAGE : FAILED
  } finally {
    console.log = speak
  }
}

/** The JSON object that `--json` prints for an error. */
function failureFacts(thrown: unknown): { readonly code: string; readonly message: string } {
  if (ArchloomError.is(thrown)) return { code: thrown.code, message: thrown.message }
  if (thrown instanceof CommanderError)
    return { code: 'ARCHLOOM_USAGE', message: thrown.message.replace(/^error: /, '') }
  return { code: thrown instanceof Error ? thrown.name : 'Error', message: messageOf(thrown) }
}

function failureText(thrown: unknown, verbose: boolean): string {
  if (verbose && thrown instanceof Error) return thrown.stack ?? messageOf(thrown)
  if (ArchloomError.is(thrown)) return thrown.message
  const name = thrown instanceof Error ? `${thrown.name}: ` : ''
  return `${name}${messageOf(thrown)}\n(add --verbose for the stack trace)`
}

/** Ends a command that lacks options, and names all of them, with what they may be. */
function demand(command: Command, names: readonly string[]): never {
  const lacking = command.options.filter((option) => {
    const name = option.attributeName()
    return names.includes(name) && command.getOptionValue(name) === undefined
  })
  const texts = lacking.map(({ flags, argChoices }) => `${flags}${argChoices ? ` (${argChoices.join(', ')})` : ''}`)
  return command.error(`error: missing ${texts.join(' and ')}`)
}

/** An error about one of several choices, with the one that was probably meant. */
function withSuggestion(text: string): string {
  const [, received, choices] = /argument '(.*)' is invalid\. Allowed choices are (.*)\.\n$/.exec(text) ?? []
  const meant =
    received && choices && nearest(received, Object.fromEntries(choices.split(', ').map((name) => [name, true])))
  return meant ? text.replace(/\n$/, ` Did you mean ${meant}?\n`) : text
}

type Direction = 'maximise' | 'minimise'
const directionOption = () =>
  new Option('--direction <which>', 'which values are better; needed for a metric that is no objective').choices([
    'maximise',
    'minimise',
  ])

const positive = (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number of at least 1.')
  return value
}
const factor = (text: string) => {
  const value = Number(text)
  if (!(value >= 1 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a number of at least 1, such as 2 or 1.5.') // biome-ignore format: one line
  return value
}
/** `1920x`, `x1080` or `1920x1080`: width, height, or both. */
const sizeOf = (text: string) => {
  const [, width, height] = /^(\d{1,5})?x(\d{1,5})?$/.exec(text.toLowerCase()) ?? []
  const size = { ...(width && { width: Number(width) }), ...(height && { height: Number(height) }) }
  const sides = Object.values(size)
  if (sides.length === 0 || sides.some((side) => side < 1 || side > 65_535))
    throw new InvalidArgumentError('Expected a size in pixels such as 1920x (width), x1080 (height) or 1920x1080.')
  return size
}
const positiveNumber = (text: string) => {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a positive number.')
  return value
}
/** A share that may be given several times. */
const shares = (text: string, before: readonly number[]) => {
  const value = Number(text)
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Expected a number above 0 and below 1.')
  return [...before, value]
}
const port = (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535 || text.trim() === '')
    throw new InvalidArgumentError('Expected a port from 0 to 65535.')
  return value
}
const whole = (text: string) => (text === '0' ? 0 : positive(text))
const seedOf = (text: string) => {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** `--json`, `--top`, … */
const flagsOf = ({ options }: Command): readonly string[] => options.flatMap(({ long }) => long ?? [])

interface Shared {
  readonly json?: true
  readonly verbose?: true
  readonly directory: string
  readonly storage?: string
  readonly top: number
}

interface ReproduceFlags {
  readonly scale: Scale | 'medium'
  readonly seed: number
  readonly data?: string
  readonly resume: boolean
  readonly jobs: number
  readonly only?: readonly string[]
}

interface FitFlags {
  readonly target?: readonly string[]
  readonly task?: 'classification' | 'regression' | 'multi-label' | 'forecast' | 'series-classification' | 'upscale'
  readonly series?: string
  readonly scale?: 2 | 3 | 4
  readonly lags?: number
  readonly count: number
  readonly minutes: number
  readonly trials?: number
  readonly maxParameters?: number
  readonly maxMultiplyAdds?: number
  readonly maxBytes?: number
  readonly maxLatencyMs?: number
  readonly group?: string
  readonly time?: string
  readonly flip: boolean
  readonly compress: boolean
  readonly seed: number
  readonly out: string
}

interface ExportFlags {
  readonly as: string
  readonly to?: 'onnx' | 'tfjs' | 'safetensors'
  readonly trial?: number
  readonly out?: string
  readonly module?: string
}

interface WorkerFlags {
  readonly redis?: string
  readonly queue?: string
  readonly checkpoints?: string
  readonly code?: string
  readonly size?: number
  readonly inProcess?: true
  readonly lockSeconds?: number
}

/** Flags of commands that run a search. */
interface Dashboarded {
  readonly dashboard?: true
  readonly dashboardPort?: number
  readonly dashboardToken?: string
}

interface DashboardFlags {
  readonly port?: number
  readonly host: string
  readonly open: boolean
}

interface UpscaleFlags {
  readonly model?: string
  readonly range?: '1' | '255'
  readonly selfEnsemble: boolean
  readonly scale?: number
  readonly tile?: number
  readonly overlap?: number
  readonly engine: string
  readonly compare: boolean
  readonly missing: boolean
  readonly quality?: number
  readonly format?: 'png' | 'jpg' | 'webp'
  readonly to?: { readonly width?: number; readonly height?: number }
}

/** The commands. Each loads its code when it is called, so that `--help` costs nothing. */
function commands(terminals: Terminals, done: (code: number) => void): Command {
  const program = new Command('archloom')
    .description('Neural architecture search: run searches, inspect studies, measure engines.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminals.stdout.write(text),
      writeErr: (text) => void terminals.stderr.write(text),
      outputError: (text, write) => write(withSuggestion(text)),
    })
  const output = ({ json = false, verbose = false }: { json?: boolean; verbose?: boolean }): Output =>
    outputTo(terminals, { json, verbose })
  const command = (usage: string, description: string) =>
    program
      .command(usage)
      .description(description)
      .option('--json', 'print one JSON object as the last line of stdout, and everything else to stderr')
      .option('--verbose', 'show the stack trace of an error')
  const inFolder = (made: Command) =>
    made
      .option('--directory <folder>', 'folder that contains the studies', STUDIES)
      .option(
        '--storage <url>',
        'keep the studies here instead: journal:folder, sqlite:file.db or postgres://user@host/database',
      )
  /** Where studies are folders, a study may also be named by its path. */
  const place = async ({ directory, storage }: Shared, study?: string) => {
    const { locateStudy, journalStudies } = await import('../node/studies.ts')
    if (storage !== undefined) {
      const { storageAt } = await import('./storage.ts')
      return { studies: await storageAt(storage), name: study ?? '' }
    }
    if (study === undefined) return { studies: journalStudies(directory), name: '' }
    const located = locateStudy(study, directory)
    return { studies: journalStudies(located.directory), name: located.name }
  }
  const ofStudies = (made: Command) =>
    inFolder(made).addOption(new Option('--top <n>', 'number of best architectures').default(5).argParser(positive))

  const withDashboard = (made: Command) =>
    made
      .option('--dashboard', 'show the running search in the browser')
      .addOption(
        new Option(
          '--dashboard-port <n>',
          'port of the dashboard; default: 8080 or the next free port; 0 takes any free port',
        ).argParser(port),
      )
      .option('--dashboard-token <text>', 'token with which a page may stop the search and enqueue trials')
  const dashboardWish = ({ dashboard, dashboardPort, dashboardToken }: Dashboarded) =>
    dashboard
      ? {
          ...(dashboardPort !== undefined && { port: dashboardPort }),
          ...(dashboardToken !== undefined && { token: dashboardToken }),
        }
      : undefined

  withDashboard(ofStudies(command('run [module]', 'run the search that a module exports')))
    .option('--study <name>', 'name of the study; an existing study of that name is continued')
    .helpOption(false)
    .option('-h, --help', 'show this help and the flags of the module')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nThe module exports search (a Search, or a function that returns one) or main(options).\nAll other flags are passed to the module.',
    )
    .action(
      async (
        file: string | undefined,
        options: Shared & Dashboarded & { study?: string; help?: true },
        self: Command,
      ) => {
        if (options.help) self.outputHelp()
        if (file === undefined || file.startsWith('-'))
          return options.help ? undefined : self.error("error: missing required argument 'module'")
        const { run } = await import('./commands/run.ts')
        const { study, help = false, directory, storage, top } = options
        const args = self.args.slice(1)
        const dashboard = dashboardWish(options)
        const place = { directory, storage, top, dashboard }
        done(await run(file, { args, ownFlags: flagsOf(self), study, help, ...place, output: output(options) }))
      },
    )

  withDashboard(ofStudies(command('resume <study>', 'continue a study')))
    .option('--module <file>', 'module that composes the search; default: the module that created the study')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (study: string, options: Shared & Dashboarded & { module?: string }, self: Command) => {
      const { resume } = await import('./commands/run.ts')
      const { module, directory, storage, top } = options
      const args = self.args.slice(1)
      const place = { directory, storage, top, dashboard: dashboardWish(options) }
      done(
        await resume(study, { args, ownFlags: flagsOf(self), module, help: false, ...place, output: output(options) }),
      )
    })

  inFolder(command('ls', 'list the studies')).action(async (options: Shared) => {
    const { ls } = await import('./commands/ls.ts')
    done(await ls({ studies: (await place(options)).studies, output: output(options) }))
  })

  inFolder(command('rm <study...>', 'delete studies with their checkpoints and images')).action(
    async (names: readonly string[], options: Shared) => {
      const { rm } = await import('./commands/rm.ts')
      const places = []
      for (const name of names) places.push(await place(options, name))
      done(await rm(places, output(options)))
    },
  )

  ofStudies(command('show <study>', 'show the course of a study and its best architectures'))
    .option('--pictures', "draw the course of the search as images in the study's folder", false)
    .action(async (study: string, options: Shared & { pictures: boolean }) => {
      const { show } = await import('./commands/show.ts')
      const { studies, name } = await place(options, study)
      done(await show(name, { ...options, studies, output: output(options) }))
    })

  ofStudies(command('export <study>', 'export the best architectures, or the whole study'))
    .addOption(
      new Option(
        '--as <form>',
        'data, code: the best architectures as JSON or as a TypeScript module; instance: as networks (from code only); others: the whole study in the format of another program',
      )
        .choices(['data', 'code', 'instance', ...formNames()])
        .default('data'),
    )
    .addOption(
      new Option(
        '--to <format>',
        'write the trained network of the best trial: from its saved weights if the study has them, otherwise trained again',
      )
        .choices(['onnx', 'tfjs', 'safetensors'])
        .conflicts('as'),
    )
    .addOption(new Option('--trial <n>', 'with --to: the trial; default: the best one').argParser(whole))
    .option('--out <path>', 'where to write; default: stdout, or with --to a name made of study and trial')
    .option(
      '--module <file>',
      'with --as code: the module that exports or registers the space; with --to: the module that composes the search; default: the one that created the study',
    )
    .action(async (study: string, options: Shared & ExportFlags, self: Command) => {
      const { top, as, to, trial, out, module, storage } = options
      if (trial !== undefined && to === undefined) self.error('error: --trial requires --to')
      const { studies, name } = await place(options, study)
      if (to === undefined) {
        const { exportStudy } = await import('./commands/export.ts')
        return done(await exportStudy(name, { studies, top, as, out, module, output: output(options) }))
      }
      const { exportNetwork } = await import('./commands/export-network.ts')
      const { locateStudy } = await import('../node/studies.ts')
      const at = storage === undefined ? locateStudy(study, options.directory) : { name, storage }
      return done(await exportNetwork(name, { studies, to, trial, out, module, study: at, output: output(options) }))
    })

  inFolder(command('compare <study...>', 'compare studies: best values, curves with confidence bands, rank tests'))
    .addHelpText(
      'after',
      '\nStudies joined by commas or matched by a * form one group, for example repetitions with other seeds:\n  archloom compare tpe-1,tpe-2,tpe-3 "random-*"',
    )
    .option('--metric <name>', 'metric to compare; default: the first objective')
    .addOption(directionOption())
    .option('--csv', 'print the curves as CSV instead of the tables', false)
    .action(
      async (names: readonly string[], options: Shared & { metric?: string; direction?: Direction; csv: boolean }) => {
        const { compare } = await import('./commands/compare.ts')
        const { metric, direction, csv } = options
        // A pattern is never the path of a folder.
        const placeOf = async (study: string) =>
          study.includes('*') ? { studies: (await place(options)).studies, name: study } : place(options, study)
        done(await compare(names, { place: placeOf, metric, direction, csv, output: output(options) }))
      },
    )

  inFolder(command('importance <study>', 'show how much each decision of a study matters'))
    .addOption(
      new Option(
        '--method <name>',
        'fanova: share of the variance that a decision explains; ped-anova: how a decision sets the best trials apart',
      )
        .choices(['fanova', 'ped-anova'])
        .default('fanova'),
    )
    .option('--metric <name>', 'metric to explain; default: the first objective')
    .addOption(directionOption())
    .option('--pairs', 'fanova only: also show what pairs of decisions explain together', false)
    .action(
      async (
        study: string,
        options: Shared & { method: 'fanova' | 'ped-anova'; metric?: string; direction?: Direction; pairs: boolean },
      ) => {
        const { showImportance } = await import('./commands/importance.ts')
        const { studies, name } = await place(options, study)
        const { method, metric, direction, pairs } = options
        done(await showImportance(name, { studies, method, metric, direction, pairs, output: output(options) }))
      },
    )

  withDashboard(
    command('fit <data>', 'find the best model for a table, a series or a folder of images within a time limit'),
  )
    .addOption(
      new Option(
        '--target <column>',
        'column to predict; default: the last one. Repeat it for several: labels where all hold 0 and 1, else quantities',
      ).argParser((name: string, before: readonly string[] = []) => [...before, name]),
    )
    .addOption(
      new Option(
        '--task <kind>',
        'task to solve, instead of the one inferred from the target; forecast: the rows are a time series; series-classification: the rows are steps of many series, or a folder holds a table for each; upscale: enlarge images like those of the folder',
      ).choices(['classification', 'regression', 'multi-label', 'forecast', 'series-classification', 'upscale']),
    )
    .addOption(
      new Option('--minutes <n>', 'time limit for everything, in minutes').default(5).argParser(positiveNumber),
    )
    .addOption(new Option('--trials <n>', 'maximum number of trials').argParser(positive))
    .addOption(new Option('--max-parameters <n>', 'maximum number of parameters of the model').argParser(positive))
    .addOption(new Option('--max-multiply-adds <n>', 'maximum number of multiply-adds per image').argParser(positive))
    .addOption(new Option('--max-bytes <n>', 'maximum size of the model file, in bytes').argParser(positive))
    .addOption(
      new Option(
        '--max-latency-ms <n>',
        'maximum time of one prediction, measured with ONNX Runtime on one thread, in milliseconds',
      ).argParser(positiveNumber),
    )
    .option('--group <column>', 'keep rows with the same value in this column on one side of every validation split')
    .option(
      '--time <column>',
      'order the rows by this column and validate on the latest ones; of labelled series: order the steps of each by it',
    )
    .option(
      '--series <column>',
      'with --task series-classification: the column that says which series a row belongs to',
    )
    .addOption(
      new Option(
        '--lags <n>',
        'number of earlier values from which each value of a series is forecast; default: a fifth of the series, at most 48',
      ).argParser(positive),
    )
    .addOption(
      new Option('--count <n>', 'number of future values of a series to print').default(10).argParser(positive),
    )
    .addOption(new Option('--scale <n>', 'with --task upscale: enlargement, 2, 3 or 4; default: 2').argParser(positive))
    .option('--compress', 'write image networks in 8-bit integers', false)
    .option('--no-flip', 'do not mirror images, for classes that a mirrored image changes (digits, letters)')
    .addOption(new Option('--seed <n>', 'seed of all random choices').default(1).argParser(seedOf))
    .option('--out <folder>', 'folder to write the model to', 'model')
    .action(async (data: string, options: Shared & Dashboarded & FitFlags) => {
      const { fitCommand } = await import('archloom/plugins/fit')
      const { onInterrupt } = await import('./interrupt.ts')
      const out = output(options)
      const stop = new AbortController()
      using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: (text) => out.note(text) })
      const { target, task, minutes, trials, group, time, series, lags, count, scale, flip, compress, seed } = options
      const limits = {
        ...(options.maxParameters !== undefined && { parameters: options.maxParameters }),
        ...(options.maxMultiplyAdds !== undefined && { multiplyAdds: options.maxMultiplyAdds }),
        ...(options.maxBytes !== undefined && { bytes: options.maxBytes }),
        ...(options.maxLatencyMs !== undefined && { maxLatencyMs: options.maxLatencyMs }),
      }
      const given = {
        ...(target !== undefined && { target }),
        ...(task !== undefined && { task }),
        ...(trials !== undefined && { trials }),
        ...(group !== undefined && { group }),
        ...(time !== undefined && { time }),
        ...(series !== undefined && { series }),
        ...(lags !== undefined && { lags }),
        ...(scale !== undefined && { scale }),
        count,
      }
      const wish = dashboardWish(options)
      const directory = STUDIES
      const board = wish && (await import('./dashboard/open.ts'))
      await using shown = wish && (await board?.dashboardProcess(`journal:${directory}`, wish))
      if (shown) out.log(`dashboard  ${shown.url}`)
      done(
        await fitCommand(data, {
          ...given,
          ...(board && { study: { name: board.studyNameFor(data, directory), directory } }),
          minutes,
          flip,
          compress,
          seed,
          limits,
          signal: stop.signal,
          out: options.out,
          output: out,
        }),
      )
      if (shown && !stop.signal.aborted) await board?.stay(shown, out)
    })

  command(
    'predict <model> <data>',
    'print the predictions of a model written by fit, as CSV; data: a table, or an image, a folder or a table of images',
  )
    .addOption(new Option('--count <n>', 'number of future values of a series').default(10).argParser(positive))
    .action(async (model: string, data: string, options: Shared & { count: number }) => {
      const { predictCommand } = await import('archloom/plugins/fit')
      done(await predictCommand(model, data, output(options), options.count))
    })

  command('worker <module>', 'evaluate trials of distributed searches until interrupted')
    .option('--redis <url>', 'redis:// or rediss:// (TLS); default: ARCHLOOM_REDIS, else redis://127.0.0.1:6379')
    .option('--queue <name>', 'name of the queue, as in distributed({ queue })')
    .option('--checkpoints <place>', 'redis, file:///folder or s3://bucket/prefix, as in distributed({ checkpoints })')
    .option('--code <text>', 'fingerprint of the code, as in distributed({ code })')
    .addOption(
      new Option('--size <n>', 'number of evaluations at once; default: the number of cores').argParser(positive),
    )
    .option('--in-process', 'evaluate in this process: for evaluations that take milliseconds and cannot crash')
    .addOption(
      new Option('--lock-seconds <n>', 'seconds of silence after which a worker loses its jobs').argParser(
        positiveNumber,
      ),
    )
    .addHelpText(
      'after',
      '\nThe module exports evaluator and space. ARCHLOOM_REDIS_PASSWORD and ARCHLOOM_REDIS_USER keep the password out of\nthe command line. Pressing Ctrl-C once finishes the running evaluations; pressing it twice returns them to the\nqueue at once.',
    )
    .action(async (file: string, { json, verbose, ...options }: Shared & WorkerFlags) => {
      const { worker } = await import('./commands/worker.ts')
      done(await worker(file, { ...options, output: output({ ...(json && { json }), ...(verbose && { verbose }) }) }))
    })

  ofStudies(command('report <study>', 'write a study as one HTML file and its figures as SVG files'))
    .option('--out <file>', 'HTML file to write', 'report.html')
    .action(async (study: string, options: Shared & { out: string }) => {
      const { report } = await import('./commands/report.ts')
      const { studies, name } = await place(options, study)
      const { top, out } = options
      done(await report(name, { studies, top, out, output: output(options) }))
    })

  inFolder(command('dashboard', 'show studies in the browser, also while they run'))
    .addOption(
      new Option('--port <n>', 'port; default: 8080 or the next free port; 0 takes any free port').argParser(port),
    )
    .option('--host <address>', 'address to listen on; only this machine can reach the default', '127.0.0.1')
    .option('--open', 'open the dashboard in the browser', false)
    .action(async (options: Shared & DashboardFlags) => {
      const { dashboardCommand } = await import('./commands/dashboard.ts')
      const { studies } = await place(options)
      done(await dashboardCommand({ ...options, studies, output: output(options) }))
    })

  const table = program.command('table').description('convert tables of results')
  table
    .command('convert <file>')
    .description('convert the published file or folder of a benchmark to CSV, for fileTable()')
    .addOption(
      new Option('--from <layout>', 'layout of the file').choices([
        'nas-bench-101',
        'nas-bench-301',
        'nats-bench',
        'transnas-bench-101',
        'hw-nas-bench',
        'naslib',
      ]),
    )
    .option('--dataset <name>', 'data set, task or setting to convert, if the file holds several')
    .addOption(
      new Option('--fidelity <share>', 'with nas-bench-301: also rows at this share of the training; may be repeated')
        .argParser(shares)
        .default([], ''),
    )
    .option('--out <file>', 'CSV file to write')
    .option('--json', 'print one JSON object as the last line of stdout, and everything else to stderr')
    .option('--verbose', 'show the stack trace of an error')
    .action(
      async (
        file: string,
        options: Shared & { from?: TableLayout; dataset?: string; fidelity: readonly number[]; out?: string },
        self: Command,
      ) => {
        const { from, dataset, fidelity, out } = options
        if (from === undefined || out === undefined) return demand(self, ['from', 'out'])
        const { convertTable } = await import('./commands/table.ts')
        done(await convertTable(file, { from, dataset, fidelities: fidelity, out, output: output(options) }))
      },
    )

  command(
    'doctor',
    'show the tensor engines of this machine: their abilities, their speed, and what to install',
  ).action(async (options: Shared) => {
    const { doctor } = await import('./commands/doctor.ts')
    done(await doctor({ output: output(options) }))
  })

  command('plugins', 'list the plugins: what each does, needs and provides, and its options')
    .addArgument(new Argument('[kind]', 'list one kind only').choices(pluginKinds))
    .action(async (kind: string | undefined, options: Shared) => {
      const { plugins } = await import('./commands/plugins.ts')
      done(await plugins({ kind, output: output(options) }))
    })

  command('init [folder]', 'write a typed project that runs').action(
    async (folder: string | undefined, options: Shared) => {
      const { init } = await import('./commands/init.ts')
      done(init(folder ?? '.', output(options)))
    },
  )

  command('new-plugin', 'write the source of a new part, with a test that runs the contract suite of its kind')
    .addArgument(new Argument('<kind>', 'kind of the part').choices(partKinds))
    .argument('<name>', 'name in lower case, with dashes between words')
    .option('--folder <folder>', 'folder to write the files to', '.')
    .action(async (kind: PartKind, name: string, options: Shared & { folder: string }) => {
      const { newPlugin } = await import('./commands/new-plugin.ts')
      done(newPlugin(kind, name, options.folder, output(options)))
    })

  command('completion', 'print a shell script that completes commands and flags')
    .addArgument(new Argument('<shell>', 'shell that runs the script').choices(shells))
    .action(async (shell: Shell, options: Shared) => {
      const { completion } = await import('./commands/completion.ts')
      done(completion(shell, program, output(options)))
    })

  command('bench <name>', 'run a benchmark (from a checkout of the repository)')
    .addHelpText(
      'after',
      () =>
        `\nBenchmarks: ${benchNames().join(', ') || 'none (an installed package has no benchmarks)'}.\nAll other flags are passed to the benchmark.`,
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (name: string, options: Shared, self: Command) => {
      const { bench } = await import('./commands/bench.ts')
      done(await bench(name, self.args.slice(1), output(options)))
    })

  command('upscale <input> [output]', 'enlarge an image, every image of a folder, or a film')
    .option(
      '--model <path>',
      'folder of a model, or an ONNX file; default: the networks of archloom, for ×2, ×3 and ×4',
    )
    .addOption(
      new Option(
        '--scale <n>',
        'enlargement, may be fractional; default: 2, or that of the model. The next larger network is used and its result reduced',
      ).argParser(factor),
    )
    .addOption(
      new Option('--tile <n>', 'side of the tiles that are processed one at a time, in pixels').argParser(positive),
    )
    .addOption(
      new Option(
        '--overlap <n>',
        'margin around each tile that the network also sees, in pixels; default: as much as affects the result',
      ).argParser(whole),
    )
    .addOption(
      new Option(
        '--to <size>',
        'size to write: 1920x (width), x1080 (height) or 1920x1080; default: the input size times the scale',
      ).argParser(sizeOf),
    )
    .addOption(new Option('--quality <n>', 'quality of JPEG and WebP files, 1 to 100; default: 95').argParser(positive))
    .addOption(
      new Option('--format <name>', 'format of images that are written into a folder').choices(['png', 'jpg', 'webp']),
    )
    .option('--engine <name>', 'tensor engine', 'auto')
    .addOption(
      new Option(
        '--range <n>',
        'greatest value of the images that an ONNX file takes; default: found by trial',
      ).choices(['1', '255']),
    )
    .option(
      '--self-ensemble',
      'average over the eight symmetries of each image, which takes eight times as long',
      false,
    )
    .option('--compare', 'also write the bicubic and the network result side by side', false)
    .option('--missing', 'process only images that have not been written yet, to continue after a stop', false)
    .action(async (input: string, result: string | undefined, options: Shared & UpscaleFlags) => {
      const { upscale } = await import('./commands/upscale.ts')
      done(await upscale(input, result, { ...options, output: output(options) }))
    })

  command('reproduce <paper>', 'compare the claims of a paper with their baselines')
    .addHelpText(
      'after',
      () => `\nPapers: ${experimentNames().join(', ')}.\nThe exit code is 0 if every claim holds, and 1 otherwise.`,
    )
    .addOption(new Option('--scale <scale>', 'size of the experiment').choices([...scales, 'medium']).default('smoke'))
    .addOption(new Option('--seed <n>', 'seed of the first run').default(1).argParser(seedOf))
    .option('--data <folder>', 'folder of data sets; default: the environment variable ARCHLOOM_DATA')
    .option('--resume', 'medium scale: continue from existing results; finished units are not run again', false)
    .addOption(
      new Option('--jobs <n>', 'medium scale: number of units that run at once, each in a process with one thread')
        .default(1)
        .argParser(positive),
    )
    .option('--only <unit...>', 'medium scale: run only the units under these: part, part/arm or part/arm/seed')
    .action(async (paper: string, options: Shared & ReproduceFlags, self: Command) => {
      const { scale, seed, data, resume, jobs, only } = options
      const given = (name: string) => self.getOptionValueSource(name) === 'cli'
      if (scale === 'medium') {
        if (given('seed')) self.error('error: the medium scale has fixed seeds; omit --seed')
        const { reproduceMedium } = await import('./commands/medium.ts')
        return done(await reproduceMedium(paper, { jobs, resume, only, data, output: output(options) }))
      }
      const stray = ['resume', 'jobs', 'only'].find(given)
      if (stray) self.error(`error: --${stray} requires --scale medium`)
      const { reproduce } = await import('./commands/reproduce.ts')
      return done(await reproduce(paper, { scale, seed, data, output: output(options) }))
    })

  command('results <paper>', "write the tables and plots of a plugin's medium scale from its results file").action(
    async (paper: string, options: Shared) => {
      const { results } = await import('./commands/medium.ts')
      done(await results(paper, { output: output(options) }))
    },
  )
  return program
}
