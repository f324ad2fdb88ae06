import type { Decision, Json } from '../../core/index.ts'
import { pythonJson } from './python-json.ts'

/** How one decision is a parameter of Optuna. */
export interface Parameter {
  readonly name: string
  /** The distribution as the JSON text that a journal holds. */
  readonly distribution: string
  /** Optuna's internal value of a decision's value; undefined where the value lies outside the distribution. */
  internal(value: number): number | undefined
}

type Scalar = string | number | boolean | null
const isScalar = (option: Json): option is Scalar => typeof option !== 'object' || option === null
/** Python holds True and 1 for equal, and False and 0. */
const equality = (option: Scalar) => (typeof option === 'boolean' ? Number(option) : option)

/** Optuna takes scalars only, each once. Other options stand as their JSON text. */
function choicesOf(options: readonly Json[]): readonly Scalar[] {
  const plain = options.map((option) => (isScalar(option) ? option : JSON.stringify(option)))
  if (new Set(plain.map(equality)).size === plain.length) return plain
  const texts = options.map((option) => JSON.stringify(option))
  const isUnique = new Set(texts).size === texts.length
  return isUnique ? texts : texts.map((text, i) => `${i}: ${text}`)
}

/** The step between whole numbers in ascending order with equal distances; undefined where the options are others. */
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
