import { optionNames } from '../options/index.ts'
import type { Random } from '../random.ts'
import type { Decision } from '../space/decision.ts'
import { type DecisionProcess, optionCount, type Policy, type PolicyOptions, policyOver } from './policy.ts'
import {
  type AttentionWeights,
  affine,
  attentionLogits,
  attentionWeights,
  elementwise,
  type LstmState,
  type LstmWeights,
  lstmStep,
  lstmWeights,
  type Parameter,
  parameter,
  row,
  type Tape,
  type Vector,
  zeroState,
  zeroVector,
} from './tape/index.ts'

/** How one decision is wired into the network. */
export interface DecisionLayout {
  /**
   * Decisions of one unit share embeddings and an LSTM. Its state starts at zero and advances at decisions of this
   * unit only.
   */
  readonly unit: string
  /** Decisions of one unit and head share the weights that turn the state into logits. */
  readonly head: string
  /** Linear: one output per option. Attention: the logit of an option is computed from its embedding. */
  readonly kind: 'linear' | 'attention'
  /** Rows of the unit's embedding table, one per option: the input of the LSTM after the choice. */
  readonly tokens: readonly number[]
  /** The constant c in c · tanh(logits / temperature). Default: no tanh. */
  readonly tanhConstant?: number
}

export interface LstmPolicyOptions extends PolicyOptions {
  /** Size of embeddings, state and attention. Default: 64. */
  readonly hidden?: number
  /** Initial values are uniform in ± this number. Default: 0.1, as in ENAS. */
  readonly initialLimit?: number
  /** Logits are divided by it. Default 1. */
  readonly temperature?: number
  /** Default: `layoutOf(decisions)`. */
  readonly layout?: readonly DecisionLayout[]
}

const layoutOfNames = optionNames<{ intervals?: number; share?: boolean }>('layoutOf', { intervals: true, share: true })

/**
 * A layout with one unit and linear heads. Decisions with equal options share head and tokens; with `share: false`
 * each decision has its own.
 */
export function layoutOf(
  decisions: readonly Decision[],
  given: { intervals?: number; share?: boolean } = {},
): readonly DecisionLayout[] {
  const { intervals = 16, share = true } = layoutOfNames(given)
  const known = new Map<string, readonly number[]>()
  let rows = 0
  return decisions.map((decision) => {
    const count = optionCount(decision, intervals)
    const head = !share ? decision.name : decision.kind === 'choice' ? JSON.stringify(decision.options) : 'intervals'
    const tokens = known.get(head) ?? Array.from({ length: count }, () => rows++)
    known.set(head, tokens)
    return { unit: 'policy', head, kind: 'linear', tokens }
  })
}

type Head =
  | { readonly kind: 'linear'; weights: Parameter; bias: Parameter }
  | { kind: 'attention'; weights: AttentionWeights }

interface Unit {
  readonly embedding: Parameter
  readonly lstm: LstmWeights
  readonly heads: ReadonlyMap<string, Head>
}

function unitOf(name: string, layout: readonly DecisionLayout[], hidden: number, rng: Random, limit: number): Unit {
  const own = layout.filter((entry) => entry.unit === name)
  const rows = 1 + Math.max(...own.flatMap(({ tokens }) => tokens))
  const heads = new Map<string, Head>()
  for (const { head, kind } of own) {
    if (heads.has(head)) continue
    const path = `${name}/head ${heads.size}`
    const outputs = Math.max(...own.filter((entry) => entry.head === head).map(({ tokens }) => tokens.length))
    heads.set(
      head,
      kind === 'attention'
        ? { kind, weights: attentionWeights(path, hidden, rng, limit) }
        : {
            kind,
            weights: parameter(`${path}/weights`, [outputs, hidden], rng, limit),
            bias: parameter(`${path}/bias`, [outputs], rng, limit),
          },
    )
  }
  return {
    embedding: parameter(`${name}/embedding`, [rows, hidden], rng, limit),
    lstm: lstmWeights(`${name}/lstm`, hidden, hidden, rng, limit),
    heads,
  }
}

const lstmPolicyNames = optionNames<LstmPolicyOptions>('lstmPolicy', {
  intervals: true,
  hidden: true,
  initialLimit: true,
  temperature: true,
  layout: true,
})

/**
 * An autoregressive LSTM over the decisions (Zoph & Le 2017). With shared heads, attention and several units it is the
 * controller of ENAS and of the methods derived from it. The first input of a unit is zero; inactive decisions are
 * skipped.
 */
export function lstmPolicy(process: DecisionProcess, rng: Random, options: LstmPolicyOptions = {}): Policy {
  lstmPolicyNames(options)
  const { hidden = 64, initialLimit = 0.1, temperature = 1, intervals = 16 } = options
  const layout = options.layout ?? layoutOf(process.decisions, { intervals })
  const names = [...new Set(layout.map(({ unit }) => unit))]
  const units = new Map(names.map((name) => [name, unitOf(name, layout, hidden, rng, initialLimit)]))

  const begin = (tape: Tape | undefined) => {
    const running = new Map(
      names.map((name) => [name, { state: zeroState(hidden), input: zeroVector(hidden) as Vector }]),
    )
    const at = (index: number) => {
      const entry = layout[index] as DecisionLayout
      return {
        entry,
        unit: units.get(entry.unit) as Unit,
        now: running.get(entry.unit) as { state: LstmState; input: Vector },
      }
    }
    return {
      logits(index: number): Vector {
        const { entry, unit, now } = at(index)
        now.state = lstmStep(tape, now.input, now.state, unit.lstm)
        const head = unit.heads.get(entry.head) as Head
        const logits =
          head.kind === 'linear'
            ? affine(tape, now.state.hidden, head.weights, head.bias)
            : attentionLogits(
                tape,
                entry.tokens.map((token) => row(unit.embedding, token)),
                now.state.hidden,
                head.weights,
              )
        const c = entry.tanhConstant
        if (c === undefined && temperature === 1) return logits
        const squash = c === undefined ? (x: number) => x / temperature : (x: number) => c * Math.tanh(x / temperature)
        const slope =
          c === undefined ? () => 1 / temperature : (_: number, y: number) => (c * (1 - (y / c) ** 2)) / temperature
        return elementwise(tape, logits, squash, slope)
      },
      chose(index: number, option: number) {
        const { entry, unit, now } = at(index)
        now.input = row(unit.embedding, entry.tokens[option] as number)
      },
    }
  }

  const parameters = [...units.values()].flatMap(({ embedding, lstm, heads }) => [
    embedding,
    ...Object.values(lstm as unknown as Record<string, Parameter>),
    ...[...heads.values()].flatMap((head) =>
      head.kind === 'linear' ? [head.weights, head.bias] : [head.weights.key, head.weights.query, head.weights.score],
    ),
  ])
  return policyOver(process, { parameters, begin }, { intervals })
}
