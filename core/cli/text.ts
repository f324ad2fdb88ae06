/** A duration for people: `8 s`, `2 min 51 s`, `3 h 05 min`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const pad = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`
}

/** A number for people: 4 significant digits, with thousands and millions abbreviated. */
export function numberText(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e9) return `${(value / 1e9).toFixed(2)} G`
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`
  if (Number.isInteger(value)) return String(value)
  if (size >= 1) return value.toFixed(Math.max(0, 4 - Math.trunc(size).toString().length))
  return size >= 1e-3 || value === 0 ? value.toFixed(4) : value.toExponential(2)
}

/** `name value` of each metric. */
export const metricsText = (metrics: Readonly<Record<string, number>>, limit = 4): string =>
  Object.entries(metrics)
    .slice(0, limit)
    .map(([name, value]) => `${name} ${numberText(value)}`)
    .join('  ')

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Cuts text to a width, with an ellipsis. */
export const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text

const NUMERIC = /^([-+]?[\d.]+(e[-+]\d+)?( [kMG]|×)?)?$/

/** Columns padded to their widest cell: numbers to the right, text to the left. */
export function tableText(header: readonly string[], rows: readonly (readonly string[])[], width = 120): string {
  const columns = header.map((_, i) => Math.max(...[header, ...rows].map((row) => (row[i] ?? '').length)))
  const numeric = header.map((_, i) => rows.length > 0 && rows.every((row) => NUMERIC.test(row[i] ?? '')))
  const line = (cells: readonly string[]) =>
    cut(
      cells
        .map((cell, i) => (numeric[i] ? cell.padStart(columns[i]!) : cell.padEnd(columns[i]!)))
        .join('  ')
        .trimEnd(),
      width,
    )
  const rule = columns.map((column) => '─'.repeat(column)).join('──')
  return [line(header), rule.slice(0, width), ...rows.map(line)].join('\n')
}
