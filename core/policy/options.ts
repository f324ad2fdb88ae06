import { error } from './errors.ts'

/** Whether an option's value will do, and the words for what would. */
export interface Expectation {
  readonly holds: (value: unknown) => boolean
  readonly words: string
}

const isNumber = (value: unknown): value is number => typeof value === 'number'

export const positiveInteger: Expectation = {
  holds: (value) => Number.isInteger(value) && (value as number) > 0,
  words: 'a positive whole number',
}
/** As positiveInteger, with Infinity for "no limit". */
export const positiveLimit: Expectation = {
  holds: (value) => value === Number.POSITIVE_INFINITY || positiveInteger.holds(value),
  words: 'a positive whole number or Infinity',
}
export const positiveNumber: Expectation = {
  holds: (value) => isNumber(value) && value > 0 && value < Number.POSITIVE_INFINITY,
  words: 'a positive number',
}
export const nonNegativeNumber: Expectation = {
  holds: (value) => isNumber(value) && value >= 0 && value < Number.POSITIVE_INFINITY,
  words: 'a number ≥ 0',
}
/** A share that may be 0 but not 1. */
export const decayRate: Expectation = {
  holds: (value) => isNumber(value) && value >= 0 && value < 1,
  words: 'a number in [0, 1)',
}
export const among = (...values: readonly string[]): Expectation => ({
  holds: (value) => values.includes(value as string),
  words: values.map((value) => JSON.stringify(value)).join(' or '),
})

/** Throws ARCHLOOM_CONTROLLER_OPTION for the first option that is not as expected. */
export function checkOptions<O extends object>(
  controller: string,
  options: O,
  expected: { readonly [K in keyof O]?: Expectation },
): void {
  for (const [option, expectation] of Object.entries(expected) as [keyof O & string, Expectation][]) {
    const received: unknown = options[option]
    if (!expectation.holds(received))
      throw error('ARCHLOOM_CONTROLLER_OPTION', { controller, option, received, expected: expectation.words })
  }
}
