/**
 * How a column is converted to features. Plain JSON that is saved with a model and read by the code that uses the
 * model.
 */
export type ColumnPlan =
  | {
      readonly kind: 'number'
      readonly name: string
      readonly strip?: string
      readonly decimalComma?: boolean
      /** The value that replaces a missing one. */
      readonly median: number
      readonly mean: number
      readonly scale: number
      /** Whether a feature says that the value is missing. */
      readonly flag: boolean
      /** Values that each get a feature. */
      readonly levels: readonly number[]
      /** Boundaries of intervals. Each interval has a feature, the share of the interval that lies below the value. */
      readonly knots: readonly number[]
    }
  | {
      readonly kind: 'date'
      readonly name: string
      readonly order: 'iso' | 'dmy' | 'mdy'
      /** The first training date in seconds since 1970. It is subtracted before values are rounded. */
      readonly start: number
      readonly scale: number
      readonly median: number
    }
  | {
      readonly kind: 'category'
      readonly name: string
      /** Values that each get a feature. */
      readonly levels: readonly string[]
      /**
       * Mean targets by value, shrunk towards the overall mean, with a feature for each number. If empty, there is no
       * such feature.
       */
      readonly targets: Readonly<Record<string, readonly number[]>>
      readonly overall: readonly number[]
    }

/** The kinds of features that a model may receive. */
export type FeatureKind = 'number' | 'flag' | 'level' | 'number-level' | 'piece' | 'date' | 'target'

export interface Preprocessing {
  readonly columns: readonly ColumnPlan[]
  /** Kind and name of every feature, in order. */
  readonly features: readonly { readonly kind: FeatureKind; readonly name: string }[]
}

/**
 * Converts rows to features [rows, features], float32. The function must not use anything outside itself, because its
 * source text is written into the folder of an exported model. A column that a row lacks, a text where numbers are needed,
 * and a category that did not occur in training, count as missing. true and false are the category of that name in any case
 * of letters, and 1 and 0 where numbers are needed.
 */
export function prepareRows(
  preprocessing: Preprocessing,
  rows: readonly Readonly<Record<string, unknown>>[],
): Float32Array<ArrayBuffer> {
  const missing = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', 'None', '?', '-']
  const textOf = (value: unknown): string | undefined => {
    if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value)))
      return undefined
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
    const text = (typeof value === 'object' ? JSON.stringify(value) : String(value)).trim()
    return missing.includes(text) ? undefined : text
  }
  const numberOf = (value: unknown, strip: string, decimalComma: boolean): number => {
    if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN
    if (typeof value === 'boolean') return value ? 1 : 0
    let text = textOf(value)
    if (text === undefined) return Number.NaN
    // What groups digits groups three of them: 1,5 is no 15.
    if (strip.includes(',') && text.includes(',') && !/^\D*\d{1,3}(,\d{3})+(\.\d+)?\D*$/.test(text)) return Number.NaN
    for (const character of strip) text = text.replaceAll(character, '')
    if (decimalComma) {
      if (text.includes('.') && !/^\s*[+-]?\d{1,3}(\.\d{3})+(,\d+)?\s*$/.test(text)) return Number.NaN
      text = text.replaceAll('.', '').replace(',', '.')
    }
    if (!/^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(text)) return Number.NaN
    return Number.isFinite(Number(text)) ? Number(text) : Number.NaN
  }
  const dateOf = (value: unknown, order: string): Date | undefined => {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value
    const text = textOf(value)
    if (text === undefined) return undefined
    const parts =
      order === 'iso'
        ? /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(?:Z|([+-]\d{2}):?(\d{2}))?$/.exec(
            text,
          )
        : /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text)
    if (!parts) return undefined
    const [year, month, day] = order === 'iso' ? [1, 2, 3] : order === 'dmy' ? [3, 2, 1] : [3, 1, 2]
    const at = (i: number) => Number(parts[i] ?? 0)
    const days = new Date(Date.UTC(at(year!), at(month!), 0)).getUTCDate()
    if (at(month!) < 1 || at(month!) > 12 || at(day!) < 1 || at(day!) > days) return undefined
    if (at(4) > 23 || at(5) > 59 || at(6) > 60) return undefined
    // A time east of Greenwich is earlier in UTC.
    const east = (parts[7]?.startsWith('-') ? -1 : 1) * (60 * Math.abs(at(7)) + at(8))
    return new Date(Date.UTC(at(year!), at(month!) - 1, at(day!), at(4), at(5) - east, at(6)))
  }
  const width = preprocessing.features.length
  const out = new Float32Array(rows.length * width)
  const wave = (value: number, period: number, write: (value: number) => void) => {
    write(Math.sin((2 * Math.PI * value) / period))
    write(Math.cos((2 * Math.PI * value) / period))
  }
  rows.forEach((row, index) => {
    let at = index * width
    const write = (value: number) => {
      out[at++] = value
    }
    for (const column of preprocessing.columns) {
      const value = row[column.name]
      if (column.kind === 'number') {
        const read = numberOf(value, column.strip ?? '', column.decimalComma ?? false)
        const isMissing = Number.isNaN(read)
        const number = isMissing ? column.median : read
        write(Math.min(50, Math.max(-50, (number - column.mean) / column.scale)))
        if (column.flag) write(isMissing ? 1 : 0)
        for (const level of column.levels) write(!isMissing && number === level ? 1 : 0)
        for (let k = 0; k + 1 < column.knots.length; k++) {
          const [low, high] = [column.knots[k]!, column.knots[k + 1]!]
          write(Math.min(1, Math.max(0, (number - low) / (high - low))))
        }
      } else if (column.kind === 'date') {
        const date = dateOf(value, column.order)
        const seconds = date ? date.getTime() / 1000 : column.median
        const known = date ?? new Date(column.median * 1000)
        write((seconds - column.start) / column.scale)
        write(known.getUTCFullYear() - 2000)
        write(known.getUTCMonth() + 1)
        write(known.getUTCDate())
        write(known.getUTCDay())
        write(known.getUTCHours())
        wave(known.getUTCMonth(), 12, write)
        wave(known.getUTCDay(), 7, write)
        wave(known.getUTCHours(), 24, write)
      } else {
        const given = textOf(value)
        // Programs write true, and tables True or TRUE.
        const isKnown = (text: string) => column.levels.includes(text) || Object.hasOwn(column.targets, text)
        const isFlag = given !== undefined && /^(true|false)$/i.test(given) && !isKnown(given)
        const text = isFlag ? column.levels.find((level) => level.toLowerCase() === given.toLowerCase()) : given
        for (const level of column.levels) write(text === level ? 1 : 0)
        const known = text !== undefined && Object.hasOwn(column.targets, text) ? column.targets[text]! : column.overall
        for (const mean of known) write(mean)
      }
    }
  })
  return out
}

/** Names and kinds of the features of one column, in the order in which `prepareRows` writes them. */
export function featuresOf(column: ColumnPlan): { readonly kind: FeatureKind; readonly name: string }[] {
  const { name } = column
  if (column.kind === 'number')
    return [
      { kind: 'number', name },
      ...(column.flag ? [{ kind: 'flag' as const, name: `${name} is missing` }] : []),
      ...column.levels.map((level) => ({ kind: 'number-level' as const, name: `${name} = ${level}` })),
      ...column.knots.slice(1).map((knot) => ({ kind: 'piece' as const, name: `${name} up to ${knot}` })),
    ]
  if (column.kind === 'date') {
    const parts = [
      'time',
      'year',
      'month',
      'day',
      'weekday',
      'hour',
      'month sin',
      'month cos',
      'weekday sin',
      'weekday cos',
      'hour sin',
      'hour cos',
    ]
    return parts.map((part) => ({ kind: 'date' as const, name: `${part} of ${name}` }))
  }
  return [
    ...column.levels.map((level) => ({ kind: 'level' as const, name: `${name} = ${level}` })),
    ...column.overall.map((_, k) => ({ kind: 'target' as const, name: `mean target ${k} of ${name}` })),
  ]
}
