import type { Wire } from '../protocol.ts'
import { numberText } from '../wire.ts'

export { numberText }

/** A duration: `8 s`, `2 min 51 s`, `3 h 05 min`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  const pad = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`
}

export const wireText = (value: Wire | undefined): string => {
  if (value === undefined) return ''
  return typeof value === 'number' ? numberText(value) : value
}

export const countText = (count: number): string => count.toLocaleString('en')

export const plural = (count: number, noun: string): string => `${countText(count)} ${noun}${count === 1 ? '' : 's'}`

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
export const timeText = (at: number): string => time.format(at)
export const dateText = (at: number): string => date.format(at)

/** The unit that a metric's name ends in. */
function unitOf(metric: string): string {
  if (/Ms$/.test(metric)) return 'ms'
  if (/[sS]econds$/.test(metric)) return 's'
  if (/[mM]inutes$/.test(metric)) return 'min'
  if (/psnr/i.test(metric)) return 'dB'
  return ''
}

/** A metric with its unit, for an axis. */
export const metricLabel = (metric: string): string => {
  const unit = unitOf(metric)
  return unit === '' ? metric : `${metric} [${unit}]`
}
