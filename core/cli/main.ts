import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { ArchloomError, messageOf } from '../errors.ts'
import { STUDIES } from '../node/studies.ts'
import { type Scale, scales } from '../reproduction.ts'
import { studiesAt } from '../study/studies.ts'
import { VERSION } from '../version.ts'
import { benchNames, experimentNames, formNames } from './names.ts'
import { type Output, outputTo, type Terminals } from './output.ts'

const [OK, FAILED, USAGE] = [0, 1, 2]

/** Mistakes in what was typed, not in what was done. */
const usageCodes = new Set(['ARCHLOOM_MODULE_FLAG', 'ARCHLOOM_MODULE_FLAG_UNKNOWN'])

/** Runs one command line, without the program's name. Returns the exit code: 0 done, 1 failed, 2 misused. Never throws. */
export async function main(args: readonly string[], terminals: Terminals = process): Promise<number> {
  // What a module prints by itself must not mix with the one JSON object on stdout.
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

/** An error as the one JSON object of `--json`. */
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
  return `${name}${messageOf(thrown)}\n(--verbose shows where)`
}

const positive = (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number of at least 1.')
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
const whole = (text: string) => (text === '0' ? 0 : positive(text))
const seedOf = (text: string) => {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

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
  readonly target?: string
  readonly task?: 'classification' | 'regression'
  readonly minutes: number
  readonly trials?: number
  readonly maxParameters?: number
  readonly maxMultiplyAdds?: number
  readonly maxBytes?: number
  readonly group?: string
  readonly time?: string
  readonly flip: boolean
  readonly compress: boolean
  readonly seed: number
  readonly out: string
}

interface UpscaleFlags {
  readonly model: string
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
    .description('Neural architecture search: run searches, look at studies, measure.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminals.stdout.write(text),
      writeErr: (text) => void terminals.stderr.write(text),
    })
  const output = ({ json = false, verbose = false }: { json?: boolean; verbose?: boolean }): Output =>
    outputTo(terminals, { json, verbose })
  const command = (usage: string, description: string) =>
    program
      .command(usage)
      .description(description)
      .option('--json', 'print one JSON object as the last line of stdout, and all else to stderr')
      .option('--verbose', 'show where an error came from')
  const inFolder = (made: Command) =>
    made
      .option('--directory <folder>', 'folder of all studies', STUDIES)
      .option('--storage <url>', 'where studies are kept instead, such as sqlite:studies.db')
  /** A study may be named by a path as well, where studies are folders. */
  const place = async ({ directory, storage }: Shared, study?: string) => {
    const { locateStudy, journalStudies } = await import('../node/studies.ts')
    if (storage !== undefined) return { studies: await studiesAt(storage), name: study ?? '' }
    if (study === undefined) return { studies: journalStudies(directory), name: '' }
    const located = locateStudy(study, directory)
    return { studies: journalStudies(located.directory), name: located.name }
  }
  const ofStudies = (made: Command) =>
    inFolder(made).addOption(new Option('--top <n>', 'how many of the best').default(5).argParser(positive))

  ofStudies(command('run [module]', 'run the search that a module exports'))
    .option('--study <name>', 'name of the study; one of that name goes on')
    .helpOption(false)
    .option('-h, --help', 'this help, and the flags of the module')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nThe module exports search (a Search, or a function that returns one) or main(options).\nOther flags go to the module.',
    )
    .action(async (file: string | undefined, options: Shared & { study?: string; help?: true }, self: Command) => {
      if (options.help) self.outputHelp()
      if (file === undefined || file.startsWith('-'))
        return options.help ? undefined : self.error("error: missing required argument 'module'")
      const { run } = await import('./commands/run.ts')
      const { study, help = false, directory, storage, top } = options
      const args = self.args.slice(1)
      done(await run(file, { args, study, help, directory, storage, top, output: output(options) }))
    })

  ofStudies(command('resume <study>', 'go on with a study'))
    .option('--module <file>', 'the module that composes its search; default: the one that made it')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (study: string, options: Shared & { module?: string }, self: Command) => {
      const { resume } = await import('./commands/run.ts')
      const { module, directory, storage, top } = options
      const args = self.args.slice(1)
      done(await resume(study, { args, module, help: false, directory, storage, top, output: output(options) }))
    })

  inFolder(command('ls', 'list the studies')).action(async (options: Shared) => {
    const { ls } = await import('./commands/ls.ts')
    done(await ls({ studies: (await place(options)).studies, output: output(options) }))
  })

  ofStudies(command('show <study>', 'show a study: how it went, and the best architectures'))
    .option('--pictures', "draw its course into the study's folder", false)
    .action(async (study: string, options: Shared & { pictures: boolean }) => {
      const { show } = await import('./commands/show.ts')
      const { studies, name } = await place(options, study)
      done(await show(name, { ...options, studies, output: output(options) }))
    })

  ofStudies(command('export <study>', 'export the best architectures, or the whole study'))
    .addOption(
      new Option(
        '--as <form>',
        'the best as JSON, a TypeScript module or networks (those in code only); the study for another program',
      )
        .choices(['data', 'code', 'instance', ...formNames()])
        .default('data'),
    )
    .option('--out <path>', 'write there instead of to stdout')
    .option('--module <file>', 'the module that exports or registers the space, for --as code')
    .action(async (study: string, options: Shared & { as: string; out?: string; module?: string }) => {
      const { exportStudy } = await import('./commands/export.ts')
      const { top, as, out, module } = options
      const { studies, name } = await place(options, study)
      done(await exportStudy(name, { studies, top, as, out, module, output: output(options) }))
    })

  command('fit <data>', 'find the best model for a table or a folder of images, within a time and limits')
    .option('--target <column>', 'the column to predict; default: the last one')
    .addOption(
      new Option('--task <kind>', 'overrule what the target looks like').choices(['classification', 'regression']),
    )
    .addOption(new Option('--minutes <n>', 'time for everything').default(5).argParser(positiveNumber))
    .addOption(new Option('--trials <n>', 'trials at most').argParser(positive))
    .addOption(new Option('--max-parameters <n>', 'numbers that the model holds, at most').argParser(positive))
    .addOption(new Option('--max-multiply-adds <n>', 'multiply-adds of one image, at most').argParser(positive))
    .addOption(new Option('--max-bytes <n>', 'size of the file, at most').argParser(positive))
    .option('--group <column>', 'rows of one value of this column stay together when the model is checked')
    .option('--time <column>', 'check on the latest rows by this column')
    .option('--compress', 'write networks of images in 8-bit integers', false)
    .option('--no-flip', 'mirrored images are of another class: digits, letters')
    .addOption(new Option('--seed <n>', 'same seed, same order of trials').default(1).argParser(seedOf))
    .option('--out <folder>', 'where the model is written', 'model')
    .action(async (data: string, options: Shared & FitFlags) => {
      const { fitCommand } = await import('archloom/plugins/fit')
      const { onInterrupt } = await import('./interrupt.ts')
      const out = output(options)
      const stop = new AbortController()
      using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: (text) => out.note(text) })
      const { target, task, minutes, trials, group, time, flip, compress, seed } = options
      const limits = {
        ...(options.maxParameters !== undefined && { parameters: options.maxParameters }),
        ...(options.maxMultiplyAdds !== undefined && { multiplyAdds: options.maxMultiplyAdds }),
        ...(options.maxBytes !== undefined && { bytes: options.maxBytes }),
      }
      const given = {
        ...(target !== undefined && { target }),
        ...(task !== undefined && { task }),
        ...(trials !== undefined && { trials }),
        ...(group !== undefined && { group }),
        ...(time !== undefined && { time }),
      }
      done(
        await fitCommand(data, {
          ...given,
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
    })

  command('predict <model> <data>', 'predictions of a model that fit wrote, as CSV').action(
    async (model: string, data: string, options: Shared) => {
      const { predictCommand } = await import('archloom/plugins/fit')
      done(await predictCommand(model, data, output(options)))
    },
  )

  ofStudies(command('report <study>', 'write a study as one HTML file, and its figures as SVG files'))
    .option('--out <file>', 'the HTML file', 'report.html')
    .action(async (study: string, options: Shared & { out: string }) => {
      const { report } = await import('./commands/report.ts')
      const { studies, name } = await place(options, study)
      const { top, out } = options
      done(await report(name, { studies, top, out, output: output(options) }))
    })

  command('doctor', 'the tensor engines here: what they can, how fast they are, what to install').action(
    async (options: Shared) => {
      const { doctor } = await import('./commands/doctor.ts')
      done(await doctor({ output: output(options) }))
    },
  )

  command('bench <name>', 'run a benchmark of a checkout')
    .addHelpText(
      'after',
      () =>
        `\nBenchmarks: ${benchNames().join(', ') || 'none in an installed package'}.\nOther flags go to the benchmark.`,
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (name: string, options: Shared, self: Command) => {
      const { bench } = await import('./commands/bench.ts')
      done(await bench(name, self.args.slice(1), output(options)))
    })

  command('upscale <input> <output>', 'enlarge a picture, or every picture of a folder, with a trained network')
    .requiredOption('--model <folder>', 'the model: a folder with model.json and weights.safetensors')
    .addOption(new Option('--scale <n>', 'refuse models of another scale').argParser(positive))
    .addOption(new Option('--tile <n>', 'pixels of a side that are worked on at once').argParser(positive))
    .addOption(
      new Option('--overlap <n>', 'pixels around a tile that are seen too; default: as many as matter').argParser(
        whole,
      ),
    )
    .addOption(
      new Option(
        '--to <size>',
        'size to write: 1920x (width), x1080 (height) or 1920x1080; default: the scale',
      ).argParser(sizeOf),
    )
    .addOption(new Option('--quality <n>', 'of JPEG and WebP, 1 to 100; default: 95').argParser(positive))
    .addOption(new Option('--format <name>', 'of images written into a folder').choices(['png', 'jpg', 'webp']))
    .option('--engine <name>', 'tensor engine', 'auto')
    .option('--compare', 'also write bicubic and network side by side', false)
    .option('--missing', 'only pictures that have not been written yet: goes on after a stop', false)
    .action(async (input: string, result: string, options: Shared & UpscaleFlags) => {
      const { upscale } = await import('./commands/upscale.ts')
      done(await upscale(input, result, { ...options, output: output(options) }))
    })

  command('reproduce <paper>', "a paper's claims against their baselines")
    .addHelpText(
      'after',
      () =>
        `\nPapers: ${experimentNames().join(', ')}.\nEnds with 0 where every claim holds, with 1 where one does not.`,
    )
    .addOption(new Option('--scale <scale>', 'how much of it').choices([...scales, 'medium']).default('smoke'))
    .addOption(new Option('--seed <n>', 'seed of the first run').default(1).argParser(seedOf))
    .option('--data <folder>', 'folder of data sets, as ARCHLOOM_DATA')
    .option('--resume', 'medium scale: go on with the results that are there; finished units are not run again', false)
    .addOption(
      new Option('--jobs <n>', 'medium scale: units at a time, each in a one-thread process')
        .default(1)
        .argParser(positive),
    )
    .option('--only <unit...>', 'medium scale: only the units under part, part/arm or part/arm/seed')
    .action(async (paper: string, options: Shared & ReproduceFlags, self: Command) => {
      const { scale, seed, data, resume, jobs, only } = options
      const given = (name: string) => self.getOptionValueSource(name) === 'cli'
      if (scale === 'medium') {
        if (given('seed')) self.error('error: the medium scale states its own seeds; leave --seed out')
        const { reproduceMedium } = await import('./commands/medium.ts')
        return done(await reproduceMedium(paper, { jobs, resume, only, data, output: output(options) }))
      }
      const stray = ['resume', 'jobs', 'only'].find(given)
      if (stray) self.error(`error: --${stray} belongs to --scale medium`)
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
