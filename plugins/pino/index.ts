import { declarePlugin, definePlugin, observeInBatches, type Plugin, type SearchEvent } from '../../core/index.ts'
import { optionalPackage } from '../../core/node/optional-package.ts'
import { among, type OptionsOf, options, text, value } from '../../core/options/index.ts'
import { type Level, levels, lineOf } from './lines.ts'

/** The part of a pino logger that is used; loggers of other libraries may have it, too. */
export type Logger = {
  readonly [L in Level]: (fields: object, message: string) => void
} & {
  /** Binds fields to all lines. */
  child?(fields: object): Logger
  flush?(done?: (problem?: Error) => void): void
}

export const declared = options('pinoLog', {
  logger: value<Logger>('a logger as pino() returns it', {
    doc: 'Receives the lines. Default: a new one that writes to `file`.',
  }),
  file: text({ doc: 'File to which lines are appended. Default: the standard error stream.' }),
  level: among(levels, { default: 'info', doc: 'The least severe level that the default logger writes.' }),
})
export type PinoLogOptions = OptionsOf<typeof declared>

const about = declarePlugin({
  name: 'pino',
  kind: 'observer',
  does: 'Writes a structured log of a search with pino.',
  options: declared,
})

const loadPino = () => optionalPackage('pino', 'Writing a structured log', () => import('pino'))
type Pino = Awaited<ReturnType<typeof loadPino>>

function newLogger({ pino }: Pino, file: string | undefined, level: Level): Logger {
  const stream = pino.destination({ dest: file ?? 2, mkdir: true, sync: true })
  return pino({ name: 'archloom', level }, stream)
}

/**
 * Writes one line of JSON for each event of a search: `createSearch({ plugins: [random(), pinoLog()], … })`. A resumed
 * search logs only its own events. Errors: ARCHLOOM_OPTION; when the study is opened
 * ARCHLOOM_PACKAGE_MISSING.
 */
export function pinoLog(given: PinoLogOptions = {}): Plugin {
  const { logger: own, file, level } = declared.read(given)
  return definePlugin({
    ...about,
    options: { level, ...(file !== undefined && { file }) },
    bind: ({ observer }) =>
      observer.to((search) => {
        let pino: Pino | undefined
        let logger: Logger | undefined
        const open = () => {
          const made = own ?? newLogger(pino!, file, level)
          return made.child?.({ study: search.study }) ?? made
        }
        /** What a logger threw; the other lines are written all the same. */
        let problem: unknown
        const isOfSession = ({ seq }: SearchEvent) => seq >= search.from
        return observeInBatches(search, {
          everyMs: 100,
          async ready() {
            if (!own) pino = await loadPino()
          },
          async probe() {
            logger = open()
          },
          async write(events) {
            logger ??= open()
            for (const event of events.filter(isOfSession)) {
              const line = lineOf(event)
              try {
                // The time that pino adds is that of the writing.
                if (line) logger[line.level]({ at: event.at, ...line.fields }, line.message)
              } catch (thrown) {
                problem ??= thrown
                search.warn?.(thrown)
              }
            }
          },
          async close() {
            const { flush } = logger ?? {}
            if (flush)
              await new Promise<void>((resolve, reject) => {
                flush.call(logger, (failure) => (failure ? reject(failure) : resolve()))
              })
            if (problem !== undefined) throw problem
          },
        })
      }),
  })
}
