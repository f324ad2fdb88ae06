import type { Random } from '../../core/index.ts'
import { flag, number, type OptionsOf, options, whole } from '../../core/options/index.ts'
import { type LogitModel, type Policy, policyOver, tape as t } from '../../core/policy/index.ts'
import type { BlockLevel, Hierarchy } from './hierarchy.ts'

export const controllerFields = {
  hidden: whole({ min: 1, default: 100, doc: 'H, size of embeddings, LSTM states and attention.' }),
  hierarchical: flag({
    default: true,
    doc: 'Whether the position sees both blocks; false feeds it zeros: the flat controller of the ablation.',
  }),
  positionWeight: number({
    min: 0,
    default: 10,
    doc: "Weight of the position's log-probability and entropy in the loss, beside 1 of every other decision.",
  }),
}
const declared = options('hierarchicalPolicy', controllerFields)
export type ControllerOptions = OptionsOf<typeof declared>

type Vector = ReturnType<typeof t.row>

/**
 * Logits of one block's decisions: an LSTM, attention over its states, and a linear head with one output per
 * operation.
 */
function blockController({ name, nodes, operations }: BlockLevel, hidden: number, limit: number, rng: Random) {
  // Inputs can be the two states before the block and all nodes but the last.
  const states = nodes + 1
  const embedding = t.parameter(`${name}/embedding`, [states + operations.length, hidden], rng, limit)
  const lstm = t.lstmWeights(`${name}/lstm`, hidden, hidden, rng, limit)
  const attention = t.attentionWeights(`${name}/input`, hidden, rng, limit)
  const head = {
    weights: t.parameter(`${name}/operation/weights`, [operations.length, hidden], rng, limit),
    // As released, only the bias of the normal block's head is initially zero.
    bias: t.parameter(`${name}/operation/bias`, [operations.length], rng, name === 'normal' ? 0 : limit),
  }
  const begin = (tape: t.Tape | undefined) => {
    let state = t.zeroState(hidden)
    let input: Vector = t.zeroVector(hidden)
    /** Within a node: two inputs, two operations. */
    const choosesInput = (turn: number) => turn % 4 < 2
    return {
      logits(turn: number): Vector {
        state = t.lstmStep(tape, input, state, lstm)
        if (!choosesInput(turn)) return t.affine(tape, state.hidden, head.weights, head.bias)
        const keys = Array.from({ length: Math.floor(turn / 4) + 2 }, (_, key) => t.row(embedding, key))
        return t.attentionLogits(tape, keys, state.hidden, attention)
      },
      chose(turn: number, option: number) {
        input = t.row(embedding, choosesInput(turn) ? option : states + option)
      },
      last: () => state.hidden,
    }
  }
  const parameters = [embedding, ...Object.values(lstm), ...Object.values(attention), head.weights, head.bias]
  return { begin, parameters: parameters as readonly t.Parameter[] }
}

/** Returns the same values, but weights their gradient. */
const weighed = (tape: t.Tape | undefined, x: Vector, weight: number): Vector =>
  t.elementwise(
    tape,
    x,
    (value) => value,
    () => weight,
  )

export interface HierarchicalPolicy extends Policy {
  /** The trained parameters. The released controller has another head that is never used. */
  readonly trained: readonly t.Parameter[]
}

/**
 * π(α; θ), with three LSTMs (Guo et al., arXiv:2003.04619): one per block, and one step for the position, which reads
 * the final states of both blocks and attends to one embedding per position. So the position depends on the blocks,
 * and its gradient reaches them. Initial values are uniform in ±0.1.
 */
export function hierarchicalPolicy(
  { process, blocks, positions }: Hierarchy,
  rng: Random,
  options: ControllerOptions = {},
): HierarchicalPolicy {
  const { hidden, hierarchical, positionWeight } = declared.read(options)
  const limit = 0.1
  const controllers = blocks.map((block) => blockController(block, hidden, limit, rng))
  const first = 4 * blocks[0].nodes
  const last = first + 4 * blocks[1].nodes
  const table = t.parameter('position/embedding', [positions, hidden], rng, limit)
  const lstm = t.lstmWeights('position/lstm', 2 * hidden, hidden, rng, limit)
  const attention = t.attentionWeights('position/attention', hidden, rng, limit)
  const unused = [
    t.parameter('position/unused head/weights', [positions, hidden], rng, limit),
    t.parameter('position/unused head/bias', [positions], rng, limit),
  ]

  const begin: LogitModel['begin'] = (tape) => {
    const running = controllers.map((controller) => controller.begin(tape))
    const at = (index: number) => ({
      block: running[index < first ? 0 : 1] as (typeof running)[number],
      turn: index < first ? index : index - first,
    })
    return {
      logits(index) {
        if (index < last) {
          const { block, turn } = at(index)
          return block.logits(turn)
        }
        const [normal, upsampling] = running.map((block) => block.last()) as [Vector, Vector]
        const input = hierarchical ? t.concatenated(tape, normal, upsampling) : t.zeroVector(2 * hidden)
        const { hidden: query } = t.lstmStep(tape, input, t.zeroState(hidden), lstm)
        const keys = Array.from({ length: positions }, (_, key) => t.row(table, key))
        return weighed(tape, t.attentionLogits(tape, keys, query, attention), positionWeight)
      },
      chose(index, option) {
        if (index >= last) return
        const { block, turn } = at(index)
        block.chose(turn, option)
      },
    }
  }
  const ofPosition = [table, ...Object.values(lstm), ...Object.values(attention)] as readonly t.Parameter[]
  const trained = [...controllers.flatMap(({ parameters }) => parameters), ...ofPosition]
  return { ...policyOver(process, { parameters: [...trained, ...unused], begin }), trained }
}
