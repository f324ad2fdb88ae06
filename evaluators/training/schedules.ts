import { group, list, number, type OptionsOf, options, required } from '../../core/options/index.ts'

/** A value for every optimizer step (0 ≤ step < steps) of a run: learning rates, drop-path probabilities. Pure. */
export type Schedule = (step: number, steps: number) => number

export const constant =
  (value: number): Schedule =>
  () =>
    value

const linearOptions = options('linear', {
  from: required(number({ doc: 'Value of the first step.' })),
  to: required(number({ doc: 'Value of the last step.' })),
})

/** A straight line from the first step to the last. */
export function linear(given: OptionsOf<typeof linearOptions>): Schedule {
  const { from, to } = linearOptions.read(given)
  return (step, steps) => (steps <= 1 ? from : from + ((to - from) * step) / (steps - 1))
}

const share = { min: 0, below: 1 } as const
const cosineOptions = options(
  'cosine',
  {
    peak: required(number({ above: 0, doc: 'The largest value.' })),
    floor: number({ default: 0, doc: 'Approached at the end.' }),
    warmUp: group(
      {
        share: number({ ...share, default: 0, doc: 'Share of the steps spent rising in a line to the peak.' }),
      },
      { doc: 'The rise to the peak.' },
    ),
  },
  { renamed: { max: 'peak', min: 'floor' } },
)
export type CosineOptions = OptionsOf<typeof cosineOptions>

/** Half a cosine from the peak to the floor (Loshchilov & Hutter 2017, eq. (5), without restarts). */
export function cosine(given: CosineOptions): Schedule {
  const { peak, floor, warmUp } = cosineOptions.read(given)
  return (step, steps) => {
    const rise = Math.floor(warmUp.share * steps)
    if (step < rise) return (peak * (step + 1)) / rise
    return halfCosine(peak, floor, (step - rise) / (steps - rise))
  }
}

const stepDecayOptions = options('stepDecay', {
  start: required(number({ above: 0, doc: 'The first value.' })),
  factor: number({ above: 0, default: 0.1, doc: 'Multiplies the value at each place.' }),
  at: list(number(share), { default: [0.5, 0.75], doc: 'Shares of the run at which the value drops, ascending.' }),
})
export type StepDecayOptions = OptionsOf<typeof stepDecayOptions>

/** Piecewise constant: drops by a factor at given shares of the run. */
export function stepDecay(given: StepDecayOptions): Schedule {
  const { start, factor, at } = stepDecayOptions.read(given)
  if (!at.every((place, i) => place >= (at[i - 1] ?? 0)))
    throw stepDecayOptions.refuse('at', at, 'ascending shares of the run in [0, 1)')
  return (step, steps) => start * factor ** at.filter((place) => step >= place * steps).length
}

const oneCycleOptions = options('oneCycle', {
  peak: required(number({ above: 0, doc: 'The largest value.' })),
  rise: number({ ...share, default: 0.3, doc: 'Share of the steps spent rising.' }),
  start: number({ above: 0, default: 25, doc: 'The first value is peak / start.' }),
  end: number({ above: 0, default: 1e4, doc: 'The last value is peak / end.' }),
})
export type OneCycleOptions = OptionsOf<typeof oneCycleOptions>

/** One rise and one longer fall, both along half a cosine (Smith & Topin 2018). */
export function oneCycle(given: OneCycleOptions): Schedule {
  const { peak, rise, start, end } = oneCycleOptions.read(given)
  return (step, steps) => {
    const top = rise * (steps - 1)
    if (step < top) return halfCosine(peak / start, peak, step / top)
    return halfCosine(peak, peak / end, steps - 1 === top ? 1 : (step - top) / (steps - 1 - top))
  }
}

/** Interpolates along half a cosine, from `from` at t = 0 to `to` at t = 1. */
const halfCosine = (from: number, to: number, t: number) => to + ((from - to) * (1 + Math.cos(Math.PI * t))) / 2

/** Turns a number into a constant schedule; a schedule is returned unchanged. */
export const toSchedule = (value: number | Schedule): Schedule => (typeof value === 'number' ? constant(value) : value)
