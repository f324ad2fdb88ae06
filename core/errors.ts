/**
 * A programming mistake or unusable input. It has a code, and its message says what was received, what was expected
 * and what to do.
 */
export class ArchloomError extends Error {
  override readonly name = 'ArchloomError'
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.code = code
    this.details = details
  }

  /** Works across duplicate installs of the package, where `instanceof` does not. */
  static is(value: unknown): value is ArchloomError {
    return value instanceof Error && value.name === 'ArchloomError' && 'code' in value && 'details' in value
  }
}

type Template = (details: never) => string
type DetailsOf<F> = F extends (details: infer D) => string ? D : never
/** Code → message template. Every key starts with `ARCHLOOM_`. */
export type ErrorTable = Readonly<Record<`ARCHLOOM_${string}`, Template>>
export type ErrorFactory<T extends ErrorTable> = {
  <K extends keyof T & string>(code: K, details: DetailsOf<T[K]>, options?: ErrorOptions): ArchloomError
  readonly codes: readonly (keyof T & string)[]
}

const tables = new Map<string, ErrorTable>()

/** All codes of every table loaded so far, for documentation and tests. */
export const errorCodes = (): readonly string[] => [...tables.values()].flatMap((table) => Object.keys(table)).sort()

/**
 * Defines the error table of a room or plugin: one template per code. Throw with `throw error('ARCHLOOM_…', { … })`.
 */
export function defineErrors<const T extends ErrorTable>(room: string, table: T): ErrorFactory<T> {
  tables.set(room, table)
  const make = <K extends keyof T & string>(code: K, details: DetailsOf<T[K]>, options?: ErrorOptions) =>
    new ArchloomError(
      code,
      (table[code] as (d: unknown) => string)(details),
      details as Record<string, unknown>,
      options,
    )
  return Object.assign(make, { codes: Object.keys(table) as (keyof T & string)[] })
}

/** A short, safe rendering of any received value for an error message; never throws, never longer than `limit`. */
export function quote(value: unknown, limit = 120): string {
  const text = render(value)
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text
}

/** Values that JSON cannot represent: it would write null or leave them out. */
const isNoJson = (item: unknown) =>
  typeof item === 'bigint' || typeof item === 'function' || (typeof item === 'number' && !Number.isFinite(item))

function render(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : String(value)
  try {
    return JSON.stringify(value, (_key, item: unknown) => (isNoJson(item) ? render(item) : item)) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : quote(thrown))
