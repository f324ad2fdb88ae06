import { checkOption, error, isPositive, isShare } from './errors.ts'

/** A value for every optimizer step (0 ≤ step < steps) of a run: learning rates, drop-path probabilities. Pure. */
export type Schedule = (step: number, steps: number) => number

export const constant =
  (value: number): Schedule =>
  () =>
    value

/** A straight line from the first step to the last. */
export const linear =
  ({ from, to }: { readonly from: number; readonly to: number }): Schedule =>
  (step, steps) =>
    steps <= 1 ? from : from + ((to - from) * step) / (steps - 1)

export interface CosineOptions {
  readonly peak: number
  /** Approached at the end. Default 0. */
  readonly floor?: number
  /** Share of the steps spent rising in a line to the peak. Default 0. */
  readonly warmUp?: number
}

/** Half a cosine from the peak to the floor (Loshchilov & Hutter 2017, eq. (5), without restarts). */
export function cosine({ peak, floor = 0, warmUp = 0 }: CosineOptions): Schedule {
  checkOption('cosine', 'peak', peak, isPositive, 'a positive number')
  checkOption('cosine', 'warmUp', warmUp, isShare, 'a share of the steps in [0, 1)')
  return (step, steps) => {
    const rise = Math.floor(warmUp * steps)
    if (step < rise) return (peak * (step + 1)) / rise
    return halfCosine(peak, floor, (step - rise) / (steps - rise))
  }
}

export interface StepDecayOptions {
  readonly start: number
  /** Multiplies the value at each place. Default 0.1. */
  readonly factor?: number
  /** Shares of the run at which the value drops, ascending. Default a half and three quarters. */
  readonly at?: readonly number[]
}

/** Piecewise constant: drops by a factor at given shares of the run. */
export function stepDecay({ start, factor = 0.1, at = [0.5, 0.75] }: StepDecayOptions): Schedule {
  checkOption('stepDecay', 'start', start, isPositive, 'a positive number')
  checkOption('stepDecay', 'factor', factor, isPositive, 'a positive number')
  if (!at.every((share, i) => isShare(share) && share >= (at[i - 1] ?? 0)))
    throw error('ARCHLOOM_TRAINING_OPTION', {
      where: 'stepDecay',
      option: 'at',
      received: at,
      expected: 'ascending shares of the run in [0, 1)',
    })
  return (step, steps) => start * factor ** at.filter((share) => step >= share * steps).length
}

export interface OneCycleOptions {
  readonly peak: number
  /** Share of the steps spent rising. Default 0.3. */
  readonly rise?: number
  /** The first value is peak / start. Default 25. */
  readonly start?: number
  /** The last value is peak / end. Default 1e4. */
  readonly end?: number
}

/** One rise and one longer fall, both along half a cosine (Smith & Topin 2018). */
export function oneCycle({ peak, rise = 0.3, start = 25, end = 1e4 }: OneCycleOptions): Schedule {
  checkOption('oneCycle', 'peak', peak, isPositive, 'a positive number')
  checkOption('oneCycle', 'rise', rise, isShare, 'a share of the steps in [0, 1)')
  checkOption('oneCycle', 'start', start, isPositive, 'a positive number')
  checkOption('oneCycle', 'end', end, isPositive, 'a positive number')
  return (step, steps) => {
    const top = rise * (steps - 1)
    if (step < top) return halfCosine(peak / start, peak, step / top)
    return halfCosine(peak, peak / end, steps - 1 === top ? 1 : (step - top) / (steps - 1 - top))
  }
}

/** From `from` at t = 0 to `to` at t = 1. */
const halfCosine = (from: number, to: number, t: number) => to + ((from - to) * (1 + Math.cos(Math.PI * t))) / 2

/** A number stands for itself at every step. */
export const toSchedule = (value: number | Schedule): Schedule => (typeof value === 'number' ? constant(value) : value)
