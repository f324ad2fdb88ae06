import * as tf from '@tensorflow/tfjs-core'
import {
  type CreateSearchOptions,
  createSearch,
  defineSpace,
  type Infer,
  integer,
  memoryStore,
  messageOf,
  oneOf,
  product,
  type Random,
  real,
  seeded,
  variant,
} from '../../../core/index.ts'
import { softmaxCrossEntropy, useEngine } from '../../../core/tensor/index.ts'
import type { Network, Split } from '../../../core/trainer.ts'
import { steps, type TrainingSession, trainingSession } from '../../../evaluators/training/index.ts'
import { boost } from '../../../evaluators/trees/index.ts'
import { exportOnnx } from '../../onnx/index.ts'
import { random } from '../../random/index.ts'
import { tpe } from '../../tpe/index.ts'
import type { Allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitEvent, Limits, TrialRecord } from '../events.ts'
import { type FinalLatency, inMilliseconds, type LatencyMeter, latencies, latencyWarning } from '../latency.ts'
import { bytesOf, costWithin, describeLimits } from '../limits.ts'
import { type Aim, measured } from '../tables/measure.ts'
import { type Part, type TablePredictor, tablePredictor } from '../tables/model.ts'
import { encodePredictor } from '../tables/onnx.ts'
import { linearNetwork, sizeOf } from '../tables/search.ts'
import { buildTemporal, temporalCost, withSoftmax } from './network.ts'
import { inputShapeOf, type LabelledSeriesPlan, prepareSeries } from './prepare.ts'
import type { LabelledSeries } from './read.ts'

/** Kinds of models of series and their settings: one space, so that one search chooses both. */
const decisions = variant({
  majority: product({}),
  logistic: product({ weightDecay: oneOf(1e-2) }),
  trees: product({
    learningRate: real(0.02, 0.2, { scale: 'log' }),
    leaves: oneOf(4, 8, 16),
    leafRows: oneOf(2, 5, 10),
  }),
  network: product({
    width: oneOf(8, 16, 32),
    stages: integer(1, 4),
    depth: integer(1, 3),
    kernel: oneOf(3, 5, 9),
    form: oneOf('plain', 'residual'),
    pooling: oneOf('mean', 'mean+max'),
    dropout: oneOf(0, 0.2),
    learningRate: real(5e-4, 1e-2, { scale: 'log' }),
    weightDecay: oneOf(1e-4, 1e-2),
  }),
})
export type SeriesArchitecture = Infer<typeof decisions>
type NetworkArchitecture = Extract<SeriesArchitecture, { type: 'network' }>
type SummaryArchitecture = Exclude<SeriesArchitecture, { type: 'network' }>

const networkOf = (settings: Partial<NetworkArchitecture> = {}): SeriesArchitecture => ({
  type: 'network',
  width: 16,
  stages: 3,
  depth: 1,
  kernel: 5,
  form: 'plain',
  pooling: 'mean+max',
  dropout: 0,
  learningRate: 3e-3,
  weightDecay: 1e-4,
  ...settings,
})

/** What is tried first: baselines that read summaries, then networks. */
const portfolio: readonly SeriesArchitecture[] = [
  { type: 'majority' },
  { type: 'logistic', weightDecay: 1e-2 },
  { type: 'trees', learningRate: 0.1, leaves: 8, leafRows: 2 },
  networkOf(),
  networkOf({ width: 32, depth: 2, form: 'residual' }),
  networkOf({ kernel: 9, stages: 2, depth: 2 }),
  networkOf({ width: 8, stages: 2, pooling: 'mean', weightDecay: 1e-2 }),
]
const BASELINES = 3

export interface SeriesSearchOptions {
  readonly data: LabelledSeries
  readonly allowance: Allowance
  readonly seed: number
  readonly limits: Limits
  readonly trials?: number
  readonly onEvent: (event: FitEvent) => void
  readonly signal: AbortSignal | undefined
  readonly strategy: 'search' | 'random'
  readonly study?: CreateSearchOptions<SeriesArchitecture>['study']
  readonly latencyMeter?: LatencyMeter
}

/** A model that predicts the class of series from what `plan` makes of them. */
export interface SeriesModel extends Disposable {
  readonly plan: LabelledSeriesPlan
  /** Numbers that it holds. */
  readonly parameters: number
  /** Inputs of n series → probabilities [n, classes]. */
  predict(inputs: readonly Float32Array[]): Float64Array
  /** The model as an ONNX file of probabilities. */
  encode(): Promise<Uint8Array<ArrayBuffer>>
}

export interface FoundSeriesModel extends Disposable {
  readonly model: SeriesModel
  readonly name: string
  readonly trials: readonly TrialRecord<SeriesArchitecture>[]
  /** On validation series, which were not trained on. */
  readonly metrics: Readonly<Record<string, number>>
  readonly latency?: FinalLatency
}

/** Share of the budget for the first stretch of all networks together. */
const SEARCH = 0.5
const WARM_UP = 0.1
/** Passes over the training series of a trial, and of the winner: more would learn single series by heart. */
const [TRIAL_EPOCHS, FINAL_EPOCHS] = [60, 200]
const BATCH = 32
const MOST_DRAWS = 200
/** Rounds of trees at most, and rounds without an improvement. */
const [ROUNDS, PATIENCE] = [400, 20]

interface Candidate {
  readonly number: number
  readonly architecture: SeriesArchitecture
  readonly model: SeriesModel
  /** Of a network. */
  readonly session?: TrainingSession
  accuracy: number
  loss: number
}

/**
 * Searches for a classifier of series. Baselines that read summaries (the most frequent class, a logistic regression and boosted
 * trees) and convolutional networks over time are trials of one search. The best network is trained on while its learning
 * rate falls; it is the result unless a model of summaries is better on the validation series.
 * Errors: ARCHLOOM_FIT_LIMITS, ARCHLOOM_FIT_NOTHING_TRAINED.
 */
export async function searchSeries(options: SeriesSearchOptions): Promise<FoundSeriesModel> {
  const { data, allowance, seed, limits, onEvent, signal, strategy } = options
  await useEngine()
  const rng = seeded(seed)
  const { plan, classes } = data
  const aim: Aim = { kind: 'classes', outputs: classes.length }
  const minutes = allowance.left() / 60
  const count =
    options.trials ??
    BASELINES + (allowance.timed ? Math.round(Math.min(12, Math.max(2, 4 * Math.sqrt(minutes / 5)))) : 3)
  const networks = Math.max(1, count - BASELINES)
  const times = latencies(limits, options.latencyMeter)
  const sets = setsOf(data)
  const truth = Float64Array.from(data.validation, (i) => data.labels[i]!)
  const form = { input: inputShapeOf(plan), classes: classes.length, mask: plan.mask }
  const records: TrialRecord<SeriesArchitecture>[] = []
  const kept: Candidate[] = []
  const seen = new Set<string>()
  const least = { bytes: Number.POSITIVE_INFINITY, parameters: Number.POSITIVE_INFINITY }
  let spent = 0

  await using search = createSearch({
    space: defineSpace('fit-series', decisions),
    // This loop asks and tells: it knows how the budget is shared.
    evaluator: () => ({ loss: Number.NaN }),
    plugins: [strategy === 'search' ? tpe({ several: 'reward' }) : random()],
    // A trial above the limit of latency is infeasible, and ranks behind all that keep to it.
    objectives: {
      loss: 'minimise',
      ...(times.limit !== undefined && {
        latencyMs: { direction: 'minimise', weight: 0, atMost: times.limit } as const,
      }),
    },
    budget: { maxConsecutiveFailures: MOST_DRAWS },
    seed,
    study: options.study ?? memoryStore(),
  })
  for (const architecture of strategy === 'search' ? portfolio : portfolio.slice(0, BASELINES))
    await search.enqueue(architecture)

  const scored = async (candidate: Candidate) => {
    const predictions = candidate.model.predict(sets.validation[candidate.model.plan.reads])
    const metrics = measured(predictions, truth, aim)
    Object.assign(candidate, { accuracy: metrics.accuracy, loss: metrics.loss })
    return metrics
  }
  const measure = (candidate: Candidate) =>
    candidate.session ? candidate.session.averaged(() => scored(candidate)) : scored(candidate)
  const giveUp = ({ model, session }: Candidate) => (session ?? model)[Symbol.dispose]()
  /** Whether a cost that is known without training keeps to the limits. */
  const fits = (architecture: SeriesArchitecture) => {
    if (architecture.type !== 'network') return true
    const cost = temporalCost(architecture, form)
    least.parameters = Math.min(least.parameters, cost.parameters)
    least.bytes = Math.min(least.bytes, bytesOf(cost))
    return costWithin(cost, limits)
  }
  const latencyOf = async (architecture: SeriesArchitecture): Promise<number | undefined> => {
    if (times.limit === undefined || architecture.type !== 'network') return undefined
    const { learningRate: _rate, weightDecay: _decay, dropout: _dropout, ...shape } = architecture
    return await times.of(JSON.stringify(shape), form.input, async () => {
      using network = buildTemporal(architecture, { ...form, rng: rng.fork('latency') })
      return (await exportOnnx(withSoftmax(network))).model
    })
  }

  const train = async (number: number, architecture: SeriesArchitecture): Promise<Candidate> => {
    if (architecture.type !== 'network') {
      const model = await summaryModel(architecture, { data, sets, aim, rng: rng.fork(`trial ${number}`) })
      const candidate: Candidate = { number, architecture, model, accuracy: 0, loss: Number.POSITIVE_INFINITY }
      return candidate
    }
    const network = buildTemporal(architecture, { ...form, rng: rng.fork(`trial ${number}`) })
    const session = trainingSession({
      network,
      rng: rng.fork(`training ${number}`),
      optimizer: 'adamW',
      weightDecay: architecture.weightDecay,
      batchSize: BATCH,
      loss: softmaxCrossEntropy,
      clipNorm: 5,
    })
    const candidate: Candidate = {
      number,
      architecture,
      model: networkModel(network, plan, aim),
      session,
      accuracy: 0,
      loss: Number.POSITIVE_INFINITY,
    }
    const { learningRate: peak } = architecture
    try {
      await session.train({
        data: sets.train,
        pace: shorter(allowance.stretch(SEARCH / networks), sets.train.size, TRIAL_EPOCHS),
        learningRate: (share) => (share < WARM_UP ? peak * Math.max(0.05, share / WARM_UP) : peak),
        signal,
      })
    } catch (thrown) {
      session[Symbol.dispose]()
      throw thrown
    }
    spent += session.steps
    return candidate
  }

  try {
    for (let [number, draws] = [0, 0]; number < count && draws < MOST_DRAWS; draws++) {
      if (signal?.aborted && kept.length > 0) break
      const proposal = await search.propose()
      const { architecture } = proposal
      const key = JSON.stringify(architecture)
      const name = nameOf(architecture)
      if (seen.has(key) || !fits(architecture)) {
        await search.observe(proposal, { failed: 'it was tried, or is larger than the limits allow' })
        continue
      }
      seen.add(key)
      const own = number++
      let outcome: Parameters<typeof search.observe>[1] = { failed: 'it failed' }
      try {
        const before = await latencyOf(architecture)
        if (before !== undefined && before > times.limit!) {
          onEvent({ type: 'note', message: `left out, because it takes ${inMilliseconds(before)}: ${name}` })
          // What was measured is untrained: it guesses.
          outcome = { loss: Math.log(classes.length), latencyMs: before }
          continue
        }
        const candidate = await train(own, architecture)
        const bytes = candidate.model.plan.reads === 'summaries' ? (await candidate.model.encode()).length : 0
        const { parameters } = candidate.model
        const isLarge =
          bytes > (limits.bytes ?? Number.POSITIVE_INFINITY) ||
          parameters > (limits.parameters ?? Number.POSITIVE_INFINITY)
        const latencyMs =
          times.limit === undefined
            ? undefined
            : (before ?? (await times.of(key, inputShapeOf(candidate.model.plan), () => candidate.model.encode())))
        const scores = await measure(candidate)
        const metrics = { ...scores, parameters, ...(latencyMs !== undefined && { latencyMs }) }
        outcome = { ...metrics, loss: candidate.loss }
        if (isLarge || (latencyMs !== undefined && latencyMs > times.limit!)) {
          if (isLarge) {
            least.bytes = Math.min(least.bytes, bytes)
            least.parameters = Math.min(least.parameters, parameters)
          }
          giveUp(candidate)
          const reason = isLarge
            ? `has ${parameters} parameters and ${bytes} bytes`
            : `takes ${inMilliseconds(latencyMs!)}`
          onEvent({ type: 'note', message: `left out, because it ${reason}: ${name}` })
          continue
        }
        kept.push(candidate)
        const record: TrialRecord<SeriesArchitecture> = {
          trial: own,
          rung: 0,
          name,
          architecture,
          metrics,
          steps: candidate.session?.steps ?? 0,
          seconds: allowance.seconds(),
        }
        records.push(record)
        onEvent({ type: 'trial', ...record })
      } catch (thrown) {
        outcome = { failed: messageOf(thrown) }
        const message = `trial ${own} failed: ${messageOf(thrown)}`
        onEvent({ type: 'warning', code: 'ARCHLOOM_FIT_TRIAL_FAILED', message })
      } finally {
        await search.observe(proposal, outcome)
      }
    }
    if (kept.length === 0)
      throw Number.isFinite(times.least)
        ? error('ARCHLOOM_FIT_LIMITS', {
            limits: describeLimits(limits),
            least: `the fastest one that was measured takes ${inMilliseconds(times.least)}`,
          })
        : Number.isFinite(least.parameters)
          ? error('ARCHLOOM_FIT_LIMITS', {
              limits: describeLimits(limits),
              least: `the smallest one has ${least.parameters} parameters (${least.bytes} bytes)`,
            })
          : error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: seen.size })

    const [network] = ranked(kept.filter(({ session }) => session !== undefined))
    if (network?.session && network.architecture.type === 'network') {
      const { number, architecture, session } = network
      onEvent({ type: 'winner', trial: number, name: nameOf(architecture), metrics: { accuracy: network.accuracy } })
      const began = allowance.seconds()
      await session.train({
        data: sets.train,
        pace: shorter(allowance.rest(spent), sets.train.size, FINAL_EPOCHS),
        learningRate: (share) => architecture.learningRate * Math.max(1e-3, 1 - share),
        signal,
        onStep: (step, loss, share) => {
          if (step % 25 === 0) onEvent({ type: 'progress', share, step, loss, seconds: allowance.seconds() - began })
        },
      })
      await measure(network)
    }
    const [best] = ranked(kept.filter((each) => each.session === undefined || each === network))
    const winner = best!
    if (network && winner !== network)
      onEvent({
        type: 'note',
        message: `better than the network on the validation series: ${nameOf(winner.architecture)}`,
      })
    for (const each of kept) if (each !== winner) giveUp(each)
    kept.length = 0
    winner.session?.adopt()
    const metrics = await scored(winner)
    const latency = await times.final(() => winner.model.encode(), inputShapeOf(winner.model.plan))
    const warning = latencyWarning(latency)
    if (warning) onEvent(warning)
    return {
      model: winner.model,
      name: nameOf(winner.architecture),
      trials: records,
      metrics,
      ...(latency && { latency }),
      [Symbol.dispose]: () => winner.model[Symbol.dispose](),
    }
  } finally {
    for (const each of kept) giveUp(each)
  }
}

/** The better first: by accuracy, and among equals by loss. */
const ranked = (candidates: readonly Candidate[]) =>
  candidates.toSorted((a, b) => b.accuracy - a.accuracy || a.loss - b.loss || a.number - b.number)

/** A pace that ends after so many passes over the examples at the latest. */
function shorter(pace: (step: number) => number, size: number, epochs: number): (step: number) => number {
  const whole = steps(epochs * Math.max(1, Math.floor(size / Math.min(BATCH, size))))
  return (step) => Math.max(pace(step), whole(step))
}

interface SeriesSets {
  readonly train: Split<'train'>
  /** Inputs of the series of each side. */
  readonly trainSummaries: readonly Float32Array[]
  readonly validation: Readonly<Record<LabelledSeriesPlan['reads'], readonly Float32Array[]>>
}

function setsOf({ plan, series, labels, train, validation, classes }: LabelledSeries): SeriesSets {
  const ofSummaries: LabelledSeriesPlan = { ...plan, reads: 'summaries' }
  const inputsOf = (places: Int32Array, reads: LabelledSeriesPlan) =>
    Array.from(places, (i) => prepareSeries(reads, series[i]!.values))
  const shape = inputShapeOf(plan)
  const inputs = inputsOf(train, plan)
  return {
    trainSummaries: inputsOf(train, ofSummaries),
    validation: { steps: inputsOf(validation, plan), summaries: inputsOf(validation, ofSummaries) },
    train: {
      role: 'train',
      size: train.length,
      inputShape: shape,
      classes: classes.length,
      *batches({ batchSize, rng, dropRemainder = false }) {
        const order = Array.from(train, (_, place) => place)
        const shuffled = rng ? rng.shuffle(order) : order
        for (let start = 0; start < shuffled.length; start += batchSize) {
          const chosen = shuffled.slice(start, start + batchSize)
          // The last, smaller batch is left out where there is another; a class may have fewer series than a batch.
          if (dropRemainder && chosen.length < Math.min(batchSize, shuffled.length)) return
          yield {
            inputs: tf.tensor(together(chosen.map((place) => inputs[place]!)), [chosen.length, ...shape]),
            targets: tf.tensor1d(
              chosen.map((place) => labels[train[place]!]!),
              'int32',
            ),
          }
        }
      },
    },
  }
}

function together(inputs: readonly Float32Array[]): Float32Array {
  const each = inputs[0]?.length ?? 0
  const out = new Float32Array(inputs.length * each)
  for (const [i, own] of inputs.entries()) out.set(own, i * each)
  return out
}

/** Series that a network reads at once. */
const CHUNK = 256

function networkModel(network: Network, plan: LabelledSeriesPlan, { outputs }: Aim): SeriesModel {
  const shape = inputShapeOf(plan)
  return {
    plan,
    parameters: network.trainable.reduce((sum, { size }) => sum + size, 0),
    predict(inputs) {
      const out = new Float64Array(inputs.length * outputs)
      for (let start = 0; start < inputs.length; start += CHUNK) {
        const own = inputs.slice(start, start + CHUNK)
        const values = tf.tidy(() =>
          tf.softmax(network.apply(tf.tensor(together(own), [own.length, ...shape]), { training: false })).dataSync(),
        )
        out.set(values, start * outputs)
      }
      return out
    },
    encode: async () => (await exportOnnx(withSoftmax(network))).model,
    [Symbol.dispose]: () => network[Symbol.dispose](),
  }
}

interface SummaryOptions {
  readonly data: LabelledSeries
  readonly sets: SeriesSets
  readonly aim: Aim
  readonly rng: Random
}

/** A model of summaries: the most frequent class, a logistic regression, or boosted trees. */
async function summaryModel(
  architecture: SummaryArchitecture,
  { data, sets, aim, rng }: SummaryOptions,
): Promise<SeriesModel> {
  const plan: LabelledSeriesPlan = { ...data.plan, reads: 'summaries' }
  const features = inputShapeOf(plan)[0]!
  const { outputs } = aim
  const rows = data.train.length
  const x = together(sets.trainSummaries)
  const targets = Float64Array.from(data.train, (i) => data.labels[i]!)
  const part = await summaryPart(architecture, { x, rows, features, targets, data, sets, outputs, rng })
  const link = { transform: 'none', mean: [0], scale: [1] } as const
  const predictor: TablePredictor = tablePredictor(
    [{ name: architecture.type, weight: 1, parts: [part], link, factor: 1 }],
    aim,
    1,
  )
  return {
    plan,
    parameters: sizeOf({ parts: [part] }),
    predict: (inputs) => predictor.predict(together(inputs), inputs.length, features),
    encode: () => encodePredictor(predictor, features),
    [Symbol.dispose]: () => predictor[Symbol.dispose](),
  }
}

interface PartOptions extends Pick<SummaryOptions, 'data' | 'sets' | 'rng'> {
  readonly x: Float32Array
  readonly rows: number
  readonly features: number
  readonly targets: Float64Array
  readonly outputs: number
}

async function summaryPart(
  architecture: SummaryArchitecture,
  { x, rows, features, targets, data, sets, outputs, rng }: PartOptions,
): Promise<Part> {
  const columns = Array.from({ length: features }, (_, f) => f)
  if (architecture.type === 'majority') {
    const counts = new Array<number>(outputs).fill(1)
    for (const target of targets) counts[target]!++
    return { kind: 'constant', values: counts.map((count) => count / (rows + outputs)) }
  }
  if (architecture.type === 'trees') {
    const made = (values: Float64Array) => ({ kind: 'classification', values, classes: outputs }) as const
    const held = Float64Array.from(data.validation, (i) => data.labels[i]!)
    const { forest } = boost(
      { x, rows, target: made(targets) },
      { x: together(sets.validation.summaries), rows: held.length, target: made(held) },
      features,
      {
        learningRate: architecture.learningRate,
        leaves: architecture.leaves,
        leafRows: architecture.leafRows,
        penalty: 1,
        rowShare: 0.8,
        featureShare: 0.7,
        patience: PATIENCE,
        rounds: ROUNDS,
        rng,
        stop: () => false,
      },
    )
    return { kind: 'forest', forest, columns }
  }
  using session = trainingSession({
    network: linearNetwork({ input: [features], classes: outputs, rng: rng.fork('weights') }),
    rng: rng.fork('training'),
    optimizer: 'adamW',
    batchSize: BATCH,
    weightDecay: architecture.weightDecay,
    loss: softmaxCrossEntropy,
  })
  const split: Split<'train'> = {
    role: 'train',
    size: rows,
    inputShape: [features],
    classes: outputs,
    *batches({ batchSize, rng: own }) {
      const order = Array.from({ length: rows }, (_, i) => i)
      const shuffled = own ? own.shuffle(order) : order
      for (let start = 0; start < rows; start += batchSize) {
        const chosen = shuffled.slice(start, start + batchSize)
        yield {
          inputs: tf.tensor2d(together(chosen.map((i) => sets.trainSummaries[i]!)), [chosen.length, features]),
          targets: tf.tensor1d(
            chosen.map((i) => targets[i]!),
            'int32',
          ),
        }
      }
    },
  }
  await session.train({
    data: split,
    pace: steps(Math.max(LOGISTIC_STEPS, 20 * Math.ceil(rows / BATCH))),
    learningRate: (share) => 3e-2 * Math.max(1e-3, 1 - share),
  })
  return { kind: 'network', network: session.adopt(), columns }
}

const LOGISTIC_STEPS = 200

const short = (value: number) => Number(value.toPrecision(2))

/** One line for an architecture. */
export function nameOf(architecture: SeriesArchitecture): string {
  if (architecture.type === 'majority') return 'baseline: the most frequent class'
  if (architecture.type === 'logistic') return 'baseline: logistic regression of summaries'
  if (architecture.type === 'trees')
    return `boosted trees of summaries, ${architecture.leaves} leaves of ${architecture.leafRows} series, rate ${short(architecture.learningRate)}`
  const { form, width, stages, depth, kernel, pooling, learningRate } = architecture
  return `${form} network over time, ${stages} stage${stages === 1 ? '' : 's'} of ${depth} from ${width} channels, kernel ${kernel}, ${pooling}, rate ${short(learningRate)}`
}
