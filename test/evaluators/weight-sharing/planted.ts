import * as tf from '@tensorflow/tfjs-core'
import {
  type ApplyMode,
  type BuildOptions,
  createSearch,
  defineSpace,
  type EventDraft,
  type Infer,
  memoryStore,
  oneOf,
  type Plugin,
  product,
  type Search,
  type SearchEvent,
  type SearchSpace,
} from 'archloom'
import { type WeightSharingOptions, weightSharing } from 'archloom/evaluators/weight-sharing'
import { dense, type Layer, network, relu, sequential, variableScope } from 'archloom/tensor'
import { sharedWeights, variablesOf } from '../../../search-spaces/operations/weight-sharing.ts'
import { rings } from '../training/tiny.ts'

/** Only 'dense' can tell two rings apart: what is best is known. */
export const operations = ['none', 'skip_connect', 'dense'] as const
const node = product({ first: oneOf(...operations), second: oneOf(...operations) })
export type Planted = Infer<typeof node>
const places = ['first', 'second'] as const

function supernetOf({ rng }: BuildOptions, relaxed: boolean) {
  const scope = variableScope({ rng })
  const lift = dense(scope.child('lift'), { inputs: 2, units: 4 })
  const classifier = dense(scope.child('classifier'), { inputs: 4, units: 2 })
  const options = places.map((place) =>
    operations.map((op) => {
      const at = scope.child(place).child(op)
      const layer: Layer =
        op === 'dense'
          ? sequential(dense(at.child(0), { inputs: 4, units: 8 }), relu(), dense(at.child(1), { inputs: 8, units: 4 }))
          : op === 'none'
            ? (x) => tf.zerosLike(x)
            : (x) => x
      return { layer, ...variablesOf(at) }
    }),
  )
  type Edge = (x: tf.Tensor, mode: ApplyMode) => tf.Tensor
  let edges: readonly Edge[] = []
  const whole = network({
    scope,
    inputShape: [2],
    outputShape: [2],
    apply: (x, mode) =>
      classifier(
        edges.reduce((y, edge) => edge(y, mode), lift(x, mode)),
        mode,
      ),
  })
  const chosen = (architecture: Planted) =>
    places.map((place, i) => options[i]?.[operations.indexOf(architecture[place])] as (typeof options)[0][0])
  const supernet = sharedWeights<Planted>({
    whole,
    options: options.flat(),
    select: (architecture) => {
      edges = chosen(architecture).map(({ layer }) => layer)
    },
    chosen,
  })
  if (!relaxed) return supernet
  return {
    ...supernet,
    mixture: {
      edges: places,
      operations,
      apply(
        weights: tf.Tensor,
        inputs: tf.Tensor,
        mode: ApplyMode,
        skip: (edge: number, op: number) => boolean = () => false,
      ) {
        const rows = tf.unstack(weights)
        edges = places.map((_, edge) => (x: tf.Tensor) => {
          const terms = operations.flatMap((_, op) =>
            skip(edge, op)
              ? []
              : [
                  tf.mul(
                    options[edge]?.[op]?.layer(x, mode) as tf.Tensor,
                    tf.slice(rows[edge] as tf.Tensor, [op], [1]),
                  ),
                ],
          )
          return tf.addN(terms)
        })
        return whole.apply(inputs, mode)
      },
      derive(weights: readonly (readonly number[])[]): Planted {
        const best = (row: readonly number[] = []) => operations[row.indexOf(Math.max(...row))] as Planted['first']
        return { first: best(weights[0]), second: best(weights[1]) }
      },
    },
  }
}

/** Two places, three operations, rings to tell apart; with or without a relaxation. */
export const plantedSpace = ({ relaxed = true } = {}): SearchSpace<Planted> =>
  defineSpace('planted', node, {
    supernet: (options) => supernetOf(options, relaxed),
    build: (architecture, options) => {
      const supernet = supernetOf(options, false)
      return { ...supernet.path(architecture), [Symbol.dispose]: () => supernet[Symbol.dispose]() }
    },
  })

export const plantedData = { train: rings('train', 192, 1), validation: rings('validation', 192, 2) }

export function plantedSearch(
  plugins: readonly Plugin[],
  options: {
    readonly space?: SearchSpace<Planted>
    readonly seed?: number
    readonly maxTrials?: number
    readonly weights?: Partial<WeightSharingOptions>
  } = {},
): Search<Planted> {
  return createSearch({
    space: options.space ?? plantedSpace(),
    evaluator: weightSharing({ data: plantedData, batchSize: 32, engine: 'wasm', ...options.weights }),
    plugins,
    objectives: { accuracy: 'maximise' },
    budget: options.maxTrials === undefined ? {} : { maxTrials: options.maxTrials },
    seed: options.seed ?? 1,
    study: memoryStore(),
  })
}

/** Every event, without its time. */
export async function eventsOf(search: Search<Planted>): Promise<EventDraft[]> {
  const events: EventDraft[] = []
  for await (const event of search.run()) {
    const { at: _, seq: __, ...draft } = event as SearchEvent & { elapsedMs?: number }
    delete draft.elapsedMs
    events.push(draft as unknown as EventDraft)
  }
  return events
}
