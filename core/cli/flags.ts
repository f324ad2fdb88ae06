import { nearest } from '../options/index.ts'
import type { Json } from '../space/decision.ts'
import { error } from './errors.ts'

/** A flag of a user's module: `--max-trials 20` becomes `maxTrials: 20`. */
export interface Flag {
  readonly type: 'number' | 'string' | 'boolean'
  readonly describe: string
  /** The only values allowed. */
  readonly choices?: readonly string[]
}

/** A module's flags by their names in code. */
export type Flags = Readonly<Record<string, Flag>>
export type FlagValues = Readonly<Record<string, Json | undefined | object>>

const dashed = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
const camel = (flag: string) =>
  flag.replace(/^--/, '').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

const PLACEHOLDER = { number: ' <n>', string: ' <text>', boolean: '' } as const

/** Help lines of a module's flags. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { type, describe, choices }]) => [
    dashed(name) + (choices ? ` <${choices.join('|')}>` : PLACEHOLDER[type]),
    describe,
  ])
  const width = Math.max(0, ...rows.map(([flag = '']) => flag.length))
  return rows.map(([flag = '', text]) => `  ${flag.padEnd(width)}  ${text}`).join('\n')
}

/**
 * Parses the arguments that the command itself does not know. A module that declares no flags accepts any flag that is
 * not a misspelt flag of the command (`own`); a value that looks like a number becomes a number.
 * Errors: ARCHLOOM_MODULE_FLAG, ARCHLOOM_MODULE_FLAG_UNKNOWN.
 */
export function parseFlags(
  args: readonly string[],
  flags: Flags | undefined,
  file: string,
  own: readonly string[] = [],
): Record<string, Json> {
  const names = Object.fromEntries(
    [...Object.keys(flags ?? {}), ...own.map(camel)].map((name) => [name, true as const]),
  )
  const values: Record<string, Json> = {}
  for (let i = 0; i < args.length; i++) {
    const [flag = '', inline] = splitOnce(args[i] as string)
    const name = camel(flag)
    const declared = flags?.[name]
    const suggestion = declared ? undefined : nearest(name, names)
    if (!flag.startsWith('--') || (!declared && (flags || suggestion !== undefined)))
      throw error('ARCHLOOM_MODULE_FLAG_UNKNOWN', {
        flag,
        file,
        known: flags && Object.keys(flags).map(dashed),
        ...(suggestion !== undefined && { suggestion: dashed(suggestion) }),
      })
    const next = args[i + 1]
    const takes = declared
      ? declared.type !== 'boolean'
      : inline === undefined && next !== undefined && !next.startsWith('--')
    const text = inline ?? (takes ? args[++i] : undefined)
    values[name] = declared ? typed(flag, text, declared) : guessed(text)
  }
  return values
}

function splitOnce(argument: string): [string, string?] {
  const at = argument.indexOf('=')
  return at < 0 ? [argument] : [argument.slice(0, at), argument.slice(at + 1)]
}

const isNumber = (text: string) => text.trim() !== '' && Number.isFinite(Number(text))

const guessed = (text: string | undefined): Json => (text === undefined ? true : isNumber(text) ? Number(text) : text)

function typed(flag: string, text: string | undefined, { type, choices }: Flag): Json {
  const refuse = (expected: string) => error('ARCHLOOM_MODULE_FLAG', { flag, received: text, expected })
  if (type === 'boolean') {
    if (text === undefined || text === 'true') return true
    if (text === 'false') return false
    throw refuse('no value, true or false')
  }
  if (text === undefined) throw refuse('a value')
  if (choices && !choices.includes(text)) throw refuse(`one of ${choices.join(', ')}`)
  if (type === 'string') return text
  if (!isNumber(text)) throw refuse('a number')
  return Number(text)
}
