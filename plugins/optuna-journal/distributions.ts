import type { Decision, Json } from '../../core/index.ts'
import { pythonJson } from './python-json.ts'

/** One decision as a parameter of Optuna. */
export interface Parameter {
  readonly name: string
  /** The distribution as JSON text, as in a journal. */
  readonly distribution: string
  /** Optuna's internal value of a decision's value; undefined if the value lies outside the distribution. */
  internal(value: number): number | undefined
}

type Scalar = string | number | boolean | null
const isScalar = (option: Json): option is Scalar => typeof option !== 'object' || option === null
/** Python treats True and 1 as equal, and also False and 0. */
const equality = (option: Scalar) => (typeof option === 'boolean' ? Number(option) : option)

/** Optuna accepts only scalars, each once. Other options are written as JSON text. */
function choicesOf(options: readonly Json[]): readonly Scalar[] {
  const plain = options.map((option) => (isScalar(option) ? option : JSON.stringify(option)))
  if (new Set(plain.map(equality)).size === plain.length) return plain
  const texts = options.map((option) => JSON.stringify(option))
  const isUnique = new Set(texts).size === texts.length
  return isUnique ? texts : texts.map((text, i) => `${i}: ${text}`)
}

/** The step between whole numbers in ascending order with equal distances; undefined for other options. */
function stepOf(options: readonly Json[]): number | undefined {
  if (options.length < 2 || !options.every(Number.isSafeInteger)) return undefined
  const [first, second] = options as readonly number[]
  const step = second! - first!
  return step > 0 && options.every((option, i) => option === first! + i * step) ? step : undefined
}

const named = (name: string, attributes: object) => pythonJson({ name, attributes })

/** A decision as a parameter: real numbers as floats, evenly spaced whole numbers as integers, others as categories. */
export function parameterOf(decision: Decision): Parameter {
  const { name } = decision
  if (decision.kind === 'real') {
    const { min: low, max: high, scale } = decision
    return {
      name,
      distribution: named('FloatDistribution', { step: null, low, high, log: scale === 'log' }),
      internal: (value) => (value >= low && value <= high ? value : undefined),
    }
  }
  const { options, ordered, scale } = decision
  const step = ordered ? stepOf(options) : undefined
  const log = scale === 'log'
  // Optuna has no step on a log scale.
  if (step !== undefined && !(log && step !== 1))
    return {
      name,
      distribution: named('IntDistribution', { log, step, low: options[0], high: options.at(-1) }),
      internal: (index) => options[index] as number,
    }
  return {
    name,
    distribution: named('CategoricalDistribution', { choices: choicesOf(options) }),
    internal: (index) => index,
  }
}
