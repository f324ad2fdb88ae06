import type { Direction, Wire, WireMetrics } from './protocol.ts'

export const wire = (value: number): Wire => (Number.isFinite(value) ? value : nameOf(value))
const nameOf = (value: number): Wire => {
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? 'Infinity' : '-Infinity'
}

export const wireMetrics = (metrics: Readonly<Record<string, number>>): WireMetrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, wire(value)]))

/** Whether `a` is better than `b`. */
export const isBetter = (direction: Direction, a: number, b: number): boolean =>
  direction === 'maximise' ? a > b : a < b

const shortened = (value: number) => String(Number(value.toPrecision(4)))

/** A number for people: 4 significant digits, thousands and millions shortened. */
export function numberText(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return String(value)
  if (size >= 1e9) return `${shortened(value / 1e9)} G`
  if (size >= 1e6) return `${shortened(value / 1e6)} M`
  if (size >= 1e4) return `${shortened(value / 1e3)} k`
  if (Number.isInteger(value)) return String(value)
  return size >= 1e-3 ? shortened(value) : value.toExponential(2)
}
