import type { Cell, Column } from './table.ts'

/** How the values of a column are read. */
export type ColumnType =
  | {
      readonly kind: 'number'
      /** Characters that are removed before a text is read as a number: thousands separators, %, currencies. */
      readonly strip?: string
      /** Whether the decimal separator is a comma. */
      readonly decimalComma?: boolean
      /** The distinct values, if all are whole numbers and there are few of them. */
      readonly levels?: readonly number[]
    }
  | { readonly kind: 'date'; readonly order: 'iso' | 'dmy' | 'mdy' }
  | { readonly kind: 'category' }

export interface TypedColumn {
  readonly name: string
  readonly type: ColumnType
  /** Why the column is dropped, if it is. */
  readonly drop?: string
  readonly missing: number
  readonly distinct: number
  /** Warnings for the user. */
  readonly warnings: readonly string[]
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const LEADING_ZERO = /^[+-]?0\d/
const THOUSANDS = /^\D*\d{1,3}(,\d{3})+(\.\d+)?\D*$/
const GROUPED = /^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$/
const INFINITE = /^[+-]?inf(inity)?$/i
/** A column with at most this share of other texts is numeric, and those texts count as missing. */
const STRAYS = 0.02
const MOST_LEVELS = 31

/** The number in a text; undefined for codes (00123) and for integers that a double cannot represent. */
export function plainNumber(text: string): number | undefined {
  if (!NUMBER.test(text) || LEADING_ZERO.test(text)) return undefined
  const value = Number(text)
  if (/^[+-]?\d+$/.test(text) && !Number.isSafeInteger(value)) return undefined
  return Number.isFinite(value) ? value : undefined
}

/** The number in a cell by the rules of its column; NaN if there is none. */
export function numberOf(cell: Cell, rule: { readonly strip?: string; readonly decimalComma?: boolean }): number {
  if (cell === null) return Number.NaN
  if (typeof cell === 'number') return cell
  let text = cell
  for (const character of rule.strip ?? '') text = text.replaceAll(character, '')
  if (rule.decimalComma) {
    // Beside a decimal comma, points group three digits: 3.5 is no 35.
    if (text.includes('.') && !GROUPED.test(text.trim())) return Number.NaN
    text = text.replaceAll('.', '').replace(',', '.')
  }
  return plainNumber(text.trim()) ?? Number.NaN
}

/** Number of days in a calendar month. */
const daysIn = (year: number, month: number) => new Date(Date.UTC(year, month, 0)).getUTCDate()
const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(?:Z|([+-])(\d{2}):?(\d{2}))?$/
const NUMERIC_DATE = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/

/** The date in a cell as seconds since 1970, in UTC; NaN if there is none. */
export function secondsOf(cell: Cell, order: 'iso' | 'dmy' | 'mdy'): number {
  if (typeof cell !== 'string') return Number.NaN
  const parts = (order === 'iso' ? ISO : NUMERIC_DATE).exec(cell)
  if (!parts) return Number.NaN
  const [, a, b, c, hour = '0', minute = '0', second = '0', sign, hours = '0', minutes = '0'] = parts
  const [year, month, day] = order === 'iso' ? [a, b, c] : order === 'dmy' ? [c, b, a] : [c, a, b]
  const numbers = [year, month, day].map(Number) as [number, number, number]
  if (numbers[1] < 1 || numbers[1] > 12 || numbers[2] < 1 || numbers[2] > daysIn(numbers[0], numbers[1]))
    return Number.NaN
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return Number.NaN
  // A time east of Greenwich is earlier in UTC.
  const east = (sign === '-' ? -60 : 60) * (60 * Number(hours) + Number(minutes))
  return Date.UTC(numbers[0], numbers[1] - 1, numbers[2], Number(hour), Number(minute), Number(second)) / 1000 - east
}

/** Finds the type of a column from all of its values. With `isTarget` the column is never dropped. */
export function typeOf({ name, cells }: Column, delimiter = ',', isTarget = false): TypedColumn {
  const present = cells.filter((cell) => cell !== null)
  const missing = cells.length - present.length
  const values = new Set(present)
  const distinct = values.size
  const warnings: string[] = []
  const made = (type: ColumnType, drop?: string): TypedColumn => ({
    name,
    type,
    missing,
    distinct,
    warnings,
    ...(drop !== undefined && !isTarget && { drop }),
  })
  if (present.length === 0) return made({ kind: 'category' }, 'it is empty')
  if (missing / cells.length > 0.5) warnings.push(`${name}: ${missing} of ${cells.length} values are missing`)
  if (distinct === 1) return made({ kind: 'category' }, 'all of its values are the same')

  const numeric = numberType(present, delimiter, name, warnings)
  if (numeric) {
    const numbers = [...values].map((cell) => numberOf(cell, numeric)).filter((value) => !Number.isNaN(value))
    const whole = numbers.every(Number.isInteger)
    const [least, most] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))]
    if (whole && distinct === cells.length && cells.length >= 20 && most - least + 1 === cells.length)
      return made({ kind: 'number', ...numeric }, 'it numbers the rows')
    if (whole && distinct === cells.length && cells.length >= 50 && /(^|[_ .-])(id|uuid|index|key)$/i.test(name))
      return made({ kind: 'number', ...numeric }, 'it is an id: every row has a different value')
    const levels =
      whole && numbers.length >= 3 && numbers.length <= MOST_LEVELS ? [...numbers].sort((a, b) => a - b) : undefined
    return made({ kind: 'number', ...numeric, ...(levels && { levels }) })
  }
  const order = dateOrder(present, name, warnings)
  if (order) return made({ kind: 'date', order })
  if (distinct === present.length && present.length >= 20)
    return made({ kind: 'category' }, 'it is an id or free text: every row has a different value')
  if (distinct > 0.5 * present.length && distinct > 100)
    warnings.push(
      `${name}: ${distinct} different texts in ${present.length} rows; only the frequent ones are informative`,
    )
  return made({ kind: 'category' })
}

type NumberRule = { readonly strip?: string; readonly decimalComma?: boolean }

function numberType(
  present: readonly Cell[],
  delimiter: string,
  name: string,
  warnings: string[],
): NumberRule | undefined {
  const finite = present.filter((cell) => !(typeof cell === 'string' && INFINITE.test(cell)))
  const infinite = present.length - finite.length
  if (finite.length === 0) return undefined
  const commas: NumberRule[] = delimiter === ',' ? [] : [{ strip: '%€$£ ', decimalComma: true }]
  // Commas between groups of three digits are thousands separators; with any other comma the texts are not numbers.
  const thousands = finite.every((cell) => typeof cell !== 'string' || !cell.includes(',') || THOUSANDS.test(cell))
  const rules: NumberRule[] = [{}, ...commas, { strip: thousands ? ',%€$£ ' : '%€$£ ' }]
  for (const rule of rules) {
    const strays = finite.filter((cell) => Number.isNaN(numberOf(cell, rule)))
    // Codes such as 00123 are texts. One such code makes the column categorical.
    if (strays.some((cell) => typeof cell === 'string' && /^[+-]?\d+$/.test(cell))) continue
    const plain = Object.keys(rule).length === 0
    if (strays.length > (plain ? STRAYS * finite.length : 0)) continue
    if (strays.length > 0)
      warnings.push(
        `${name}: ${strays.length} texts among numbers count as missing (${[...new Set(strays)]
          .slice(0, 3)
          .map((cell) => JSON.stringify(cell))
          .join(', ')})`,
      )
    if (infinite > 0) warnings.push(`${name}: ${infinite} infinite values count as missing`)
    if (!plain)
      warnings.push(
        `${name}: read as numbers without signs such as ${JSON.stringify(rule.strip!.trim().slice(0, 3))}${rule.decimalComma ? ', with a decimal comma' : ''}`,
      )
    return rule
  }
  return undefined
}

function dateOrder(present: readonly Cell[], name: string, warnings: string[]): 'iso' | 'dmy' | 'mdy' | undefined {
  const fits = (order: 'iso' | 'dmy' | 'mdy') => present.every((cell) => !Number.isNaN(secondsOf(cell, order)))
  if (fits('iso')) return 'iso'
  const [dmy, mdy] = [fits('dmy'), fits('mdy')]
  if (dmy && mdy)
    warnings.push(`${name}: dates such as ${JSON.stringify(present[0])} are read as day/month/year; both orders fit`)
  return dmy ? 'dmy' : mdy ? 'mdy' : undefined
}
