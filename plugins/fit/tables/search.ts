import * as tf from '@tensorflow/tfjs-core'
import { type CreateSearchOptions, createSearch, memoryStore, type Random, seeded } from '../../../core/index.ts'
import {
  dense,
  l2Loss,
  network as networkOf,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { Network, Split } from '../../../core/trainer.ts'
import { kernelNetwork, solveKernel } from '../../../evaluators/kernel/index.ts'
import { steps, trainingSession } from '../../../evaluators/training/index.ts'
import { type BoostingTarget, boost, type Forest, type Tree } from '../../../evaluators/trees/index.ts'
import { perceptronSpace } from '../../../search-spaces/perceptron/index.ts'
import { random } from '../../random/index.ts'
import { tpe } from '../../tpe/index.ts'
import type { Allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitEvent, Limits, TrialRecord } from '../events.ts'
import {
  type FinalLatency,
  inMilliseconds,
  type Latencies,
  type LatencyMeter,
  latencies,
  latencyWarning,
} from '../latency.ts'
import { describeLimits } from '../limits.ts'
import { type Aim, lossAgainst, measured, spread, widthOf } from './measure.ts'
import {
  forwardLink,
  type Link,
  type Member,
  type Part,
  predictPart,
  type TablePredictor,
  tablePredictor,
  warmed,
} from './model.ts'
import { encodePredictor } from './onnx.ts'
import {
  KERNEL_ROWS,
  type TableArchitecture,
  type TreesArchitecture,
  tableNameOf,
  tablePortfolio,
  tableSpace,
} from './space.ts'

/** Features and targets of the training rows. */
export interface TableExamples {
  /** [rows, features] */
  readonly x: Float32Array
  readonly rows: number
  readonly features: number
  /** Of each feature: whether only networks should see it, because trees find it themselves. */
  readonly detail: readonly boolean[]
  /** [rows]: class indices or quantities; of several labels or quantities [rows, outputs]. */
  readonly targets: Float64Array
  readonly aim: Aim
  /** The fold of each row. */
  readonly folds: Int32Array
  /** Folds that are left out in turn; fewer than there are where rows are many. */
  readonly used: readonly number[]
}

export interface TableSearchOptions {
  readonly examples: TableExamples
  readonly allowance: Allowance
  readonly seed?: number
  readonly limits?: Limits
  /** Default: as many as fit the time; 8 where the budget is no time. */
  readonly trials?: number
  readonly onEvent?: (event: FitEvent) => void
  readonly signal?: AbortSignal | undefined
  readonly strategy?: 'search' | 'random'
  /** Names of several labels or quantities. */
  readonly names?: readonly string[]
  /** Most steps of a network and rounds of trees; default: none beyond the architecture's own. */
  readonly mostSteps?: number
  /** Where the trials are written down, as for createSearch. Default: nowhere but in memory. */
  readonly study?: CreateSearchOptions<TableArchitecture>['study']
  /** Measures latencies where `limits` has one. Default: the median of 15 runs of ONNX Runtime on one thread. */
  readonly latencyMeter?: LatencyMeter
}

export interface FoundTableModel extends Disposable {
  readonly predictor: TablePredictor
  readonly trials: readonly TrialRecord<TableArchitecture>[]
  /** Of the whole, on rows that its parts had not seen, as `measured` names them. */
  readonly metrics: Readonly<Record<string, number>>
  /** Of the file of the whole, where `limits` has a latency. */
  readonly latency?: FinalLatency
}

interface Trained {
  readonly number: number
  readonly architecture: TableArchitecture
  readonly member: Omit<Member, 'weight'>
  /** [assessed rows, outputs] */
  readonly predictions: Float64Array
  readonly loss: number
  /** Milliseconds of one prediction, where there is a limit. */
  latencyMs?: number
}

/** Parts of the budget kept back for choosing and calibrating. */
const RESERVE = 0.06
/** A trial may take so much of the budget. */
const TRIAL = 0.3
/** Proposals in a row that are not worth their time, after which the search ends. */
const MOST_REFUSED = 200

/**
 * Searches for a model of a table: baselines, boosted trees, kernels and networks are each trained on all rows but one
 * fold, in turn, and measured on the fold left out. The result is a weighted mean of the trials that are best together
 * (greedy selection with repetition, Caruana et al. 2004), each the mean of its folds' models; probabilities are
 * calibrated by one temperature.
 * Errors: ARCHLOOM_FIT_NOTHING_TRAINED, ARCHLOOM_FIT_LIMITS.
 */
export async function searchTable(options: TableSearchOptions): Promise<FoundTableModel> {
  const { examples, allowance, seed = 1, onEvent = () => {}, signal, strategy = 'search', limits = {} } = options
  const { names = [] } = options
  const { rows, targets, aim, folds, used } = examples
  await useEngine()
  const space = tableSpace()
  const rng = seeded(seed)
  const assessed = Array.from({ length: rows }, (_, i) => i).filter((i) => used.includes(folds[i]!))
  const truth = rowsAmong(targets, assessed, widthOf(aim))
  const lossOf = lossAgainst(truth, aim)
  // One quantity may be turned before it is learned: its root or its logarithm.
  const isQuantity = aim.kind === 'quantities' && aim.outputs === 1
  const limit = options.trials ?? (allowance.timed ? Number.POSITIVE_INFINITY : 8)
  const total = allowance.left()
  const timeLeft = () => allowance.left() - RESERVE * (allowance.timed ? total : 0)
  const records: TrialRecord<TableArchitecture>[] = []
  const done: Trained[] = []
  const seen = new Set<string>()
  let smallest = Number.POSITIVE_INFINITY
  const known = tablePortfolio({
    rows,
    classification: aim.kind !== 'quantities',
    skewed: isQuantity && isSkewed(targets),
  })
  const durations = new Map<string, number>()
  const times = latencies(limits, options.latencyMeter)
  const timeOf = (member: Trained['member'], key: string) =>
    times.of(key, [examples.features], () => encodeMember({ ...member, weight: 1 }, aim, examples.features))

  const isWorthwhile = (architecture: TableArchitecture) =>
    !seen.has(JSON.stringify(architecture)) &&
    (architecture.type !== 'mean' || seen.size === 0) &&
    (architecture.type !== 'kernel' || rows <= KERNEL_ROWS) &&
    (isQuantity || !('transform' in architecture) || architecture.transform === 'none') &&
    // What took too long before would not end in time now.
    (durations.get(architecture.type) ?? 0) < timeLeft()
  await using search = createSearch({
    space,
    // This loop asks and tells: it knows what fits the time that is left.
    evaluator: () => ({ loss: Number.NaN }),
    plugins: [strategy === 'search' ? tpe({ several: 'reward' }) : random()],
    // A trial above the limit of latency is infeasible, and ranks behind all that keep to it.
    objectives: {
      loss: 'minimise',
      ...(times.limit !== undefined && {
        latencyMs: { direction: 'minimise', weight: 0, atMost: times.limit } as const,
      }),
    },
    budget: { maxConsecutiveFailures: MOST_REFUSED },
    seed,
    study: options.study ?? memoryStore(),
  })
  for (const architecture of known)
    if (strategy === 'search' || architecture.type === 'mean') await search.enqueue(architecture)
  /** The next architecture that is worth its time; the others are told as failed. */
  const propose = async () => {
    for (let refused = 0; refused < MOST_REFUSED; refused++) {
      const proposal = await search.propose()
      if (isWorthwhile(proposal.architecture)) return proposal
      await search.observe(proposal, { failed: 'it was tried, does not fit this table, or would take too long' })
    }
    return undefined
  }

  for (let number = 0; number < limit && !signal?.aborted; number++) {
    if (done.length > 0 && timeLeft() <= 0) break
    const proposal = await propose()
    if (!proposal) break
    const { architecture } = proposal
    let outcome: Parameters<typeof search.observe>[1] = { failed: 'it did not end in time' }
    seen.add(JSON.stringify(architecture))
    const began = allowance.seconds()
    const deadline = Math.min(timeLeft(), TRIAL * total)
    const elapsed = () => allowance.seconds() - began
    try {
      const trained = await trainTrial(number, architecture, options, rng.fork(`weights ${number}`), assessed, truth, {
        over: () => signal?.aborted === true || elapsed() > deadline,
        used: () => (allowance.timed ? elapsed() / deadline : 0),
      })
      if (!trained) continue
      if (
        sizeOf(trained.member) > (limits.parameters ?? Number.POSITIVE_INFINITY) ||
        4 * sizeOf(trained.member) > (limits.bytes ?? Number.POSITIVE_INFINITY)
      ) {
        smallest = Math.min(smallest, sizeOf(trained.member))
        release(trained.member)
        onEvent({
          type: 'note',
          message: `trial ${number} is larger than the limits allow: ${tableNameOf(architecture)}`,
        })
        outcome = { failed: 'it is larger than the limits allow' }
        continue
      }
      if (times.limit !== undefined)
        trained.latencyMs = await timeOf(trained.member, JSON.stringify(architecture)).catch((thrown: unknown) => {
          release(trained.member)
          throw thrown
        })
      const { latencyMs } = trained
      const metrics = {
        ...measured(trained.predictions, truth, aim, names),
        ...(latencyMs !== undefined && { latencyMs }),
      }
      outcome = { ...metrics, loss: trained.loss }
      if (latencyMs !== undefined && latencyMs > times.limit!) {
        release(trained.member)
        const message = `trial ${number} takes ${inMilliseconds(latencyMs)}, longer than the limits allow: ${tableNameOf(architecture)}`
        onEvent({ type: 'note', message })
        continue
      }
      done.push(trained)
      const record = {
        trial: number,
        rung: 0,
        name: tableNameOf(architecture),
        architecture,
        metrics,
        steps: 0,
        seconds: allowance.seconds(),
      }
      records.push(record)
      onEvent({ type: 'trial', ...record })
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      outcome = { failed: reason }
      onEvent({ type: 'warning', code: 'ARCHLOOM_FIT_TRIAL_FAILED', message: `trial ${number} failed: ${reason}` })
    } finally {
      durations.set(architecture.type, allowance.seconds() - began)
      await search.observe(proposal, outcome)
    }
  }
  if (done.length === 0) {
    if (Number.isFinite(times.least))
      throw error('ARCHLOOM_FIT_LIMITS', {
        limits: describeLimits(limits),
        least: `the fastest one that was measured takes ${inMilliseconds(times.least)}`,
      })
    if (Number.isFinite(smallest))
      throw error('ARCHLOOM_FIT_LIMITS', {
        limits: describeLimits(limits),
        least: `the smallest one has ${smallest} parameters (${4 * smallest} bytes)`,
      })
    throw error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: seen.size })
  }
  const { weights, latency, temperature, final } = await assemble(done, options, lossOf, times)
  const members = membersOf(done, weights)
  for (const [i, { member }] of done.entries()) if (!(weights[i]! > 0)) release(member)
  const predictor = tablePredictor(members, aim, temperature)
  const warning = latencyWarning(latency)
  if (warning) onEvent(warning)
  return {
    predictor,
    trials: records,
    metrics: measured(final, truth, aim, names),
    ...(latency && { latency }),
    [Symbol.dispose]: () => predictor[Symbol.dispose](),
  }
}

const membersOf = (done: readonly Trained[], weights: readonly number[]): Member[] =>
  done.flatMap(({ member }, i) => (weights[i]! > 0 ? [{ ...member, weight: weights[i]! }] : []))

/** Fewer members are chosen so often until the whole keeps to a limit of latency. */
const MOST_SELECTIONS = 6

/** The members that are best together, and their temperature; with a limit of latency, so few that the whole keeps to it. */
async function assemble(
  done: readonly Trained[],
  { examples, limits = {} }: TableSearchOptions,
  lossOf: (predictions: Float64Array) => number,
  times: Latencies,
) {
  const { aim, features } = examples
  const predictions = done.map((trained) => trained.predictions)
  const fastest = Math.min(...done.map(({ latencyMs = 0 }) => latencyMs))
  let most = times.limit ?? Number.POSITIVE_INFINITY
  for (let turn = 1; ; turn++) {
    const weights = selectTogether(predictions, lossOf, limits, done, most)
    const mixed = mix(predictions, weights)
    const temperature = aim.kind === 'quantities' ? 1 : temperatureOf(mixed, aim, lossOf)
    const final = warmed(mixed, aim, temperature)
    const members = membersOf(done, weights)
    const predictor = tablePredictor(members, aim, temperature)
    const latency = await times.final(() => encodePredictor(predictor, features), [features])
    const chosen = { weights, latency, temperature, final }
    if (!latency || latency.milliseconds <= latency.limit || members.length === 1 || turn === MOST_SELECTIONS)
      return chosen
    // What a file costs beside its members makes the whole slower than the sum of the members says, or faster.
    const sum = done.reduce((all, { latencyMs = 0 }, i) => all + (weights[i]! > 0 ? latencyMs : 0), 0)
    most = Math.max(fastest, 0.95 * sum * (latency.limit / latency.milliseconds))
  }
}

const encodeMember = (member: Member, aim: Aim, features: number) =>
  encodePredictor(tablePredictor([member], aim, 1), features)

function isSkewed(values: Float64Array): boolean {
  const sorted = values.slice().sort()
  if (sorted[0]! < 0) return false
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!
  return at(0.99) - at(0.5) > 2.5 * (at(0.5) - at(0.01))
}

/** Numbers that a member holds. */
export function sizeOf({ parts }: Pick<Member, 'parts'>): number {
  let size = 0
  for (const part of parts)
    if (part.kind === 'forest') for (const { feature } of part.forest.trees) size += 3 * feature.length
    else if (part.kind === 'network')
      for (const { size: own } of [...part.network.trainable, ...part.network.state]) size += own
    else size += part.values.length
  return size
}

function release({ parts }: Pick<Member, 'parts'>) {
  for (const part of parts) if (part.kind === 'network') part.network[Symbol.dispose]()
}

interface Watch {
  readonly over: () => boolean
  /** Share of the trial's time that is gone; 0 where nothing measures time. */
  readonly used: () => number
}

/** Trains an architecture on all rows but each used fold; undefined when the time was over before the last fold. */
async function trainTrial(
  number: number,
  architecture: TableArchitecture,
  { examples, mostSteps }: TableSearchOptions,
  rng: Random,
  assessed: readonly number[],
  truth: Float64Array,
  watch: Watch,
): Promise<Trained | undefined> {
  const { x, rows, features, targets, aim, folds, used, detail } = examples
  const { kind, outputs } = aim
  const width = widthOf(aim)
  const columns = columnsFor(architecture, detail)
  const transform = 'transform' in architecture ? architecture.transform : 'none'
  const turned = transform === 'none' ? targets : targets.map((value) => forwardLink(Math.max(0, value), transform))
  const spreads = Array.from({ length: outputs }, (_, k) =>
    kind === 'quantities' ? spread(turned, width, k) : { mean: 0, scale: 1 },
  )
  const link: Link = { transform, mean: spreads.map(({ mean }) => mean), scale: spreads.map(({ scale }) => scale) }
  const learned =
    kind === 'quantities' ? turned.map((value, i) => (value - link.mean[i % width]!) / link.scale[i % width]!) : targets
  const predictions = new Float64Array(assessed.length * outputs)
  const placeOf = new Map(assessed.map((row, place) => [row, place]))
  const parts: Part[] = []
  try {
    for (const [turn, fold] of used.entries()) {
      const train = Array.from({ length: rows }, (_, i) => i).filter((i) => folds[i] !== fold)
      const held = Array.from({ length: rows }, (_, i) => i).filter((i) => folds[i] === fold)
      const own = rng.fork(fold)
      const rowsAt = (chosen: readonly number[]) => {
        const values = new Float32Array(chosen.length * columns.length)
        chosen.forEach((row, i) => {
          for (let c = 0; c < columns.length; c++) values[i * columns.length + c] = x[row * features + columns[c]!]!
        })
        return values
      }
      const part = await trainPart(architecture, {
        x: rowsAt(train),
        rows: train.length,
        targets: rowsAmong(learned, train, width),
        columns,
        aim,
        rng: own,
        watch,
        until: (0.95 * (turn + 1)) / used.length,
        held: { x: rowsAt(held), rows: held.length, targets: rowsAmong(learned, held, width) },
        ...(mostSteps !== undefined && { mostSteps }),
      })
      if (!part) {
        release({ parts })
        return undefined
      }
      parts.push(part)
      // A part reads its own columns from all features.
      const heldX = new Float32Array(held.length * features)
      for (const [i, row] of held.entries()) heldX.set(x.subarray(row * features, (row + 1) * features), i * features)
      const values = predictPart(part, link, heldX, held.length, features, aim)
      held.forEach((row, i) => {
        const place = placeOf.get(row)!
        for (let k = 0; k < outputs; k++) predictions[place * outputs + k] = values[i * outputs + k]!
      })
    }
  } catch (thrown) {
    release({ parts })
    throw thrown
  }
  const factor = transform === 'none' ? 1 : leastSquaresFactor(predictions, truth)
  if (factor !== 1) for (let i = 0; i < predictions.length; i++) predictions[i]! *= factor
  const loss = lossAgainst(truth, aim)(predictions)
  if (!Number.isFinite(loss)) {
    release({ parts })
    throw new Error('its predictions are not finite')
  }
  return { number, architecture, member: { name: tableNameOf(architecture), parts, link, factor }, predictions, loss }
}

/** Trees find levels and intervals themselves; a network without detail, a linear model and a kernel do without. */
function columnsFor(architecture: TableArchitecture, detail: readonly boolean[]): number[] {
  const all = detail.map((_, f) => f)
  const detailed = architecture.type === 'linear' || (architecture.type === 'network' && architecture.detail)
  return detailed ? all : all.filter((f) => !detail[f])
}

/** Some rows of values [rows, width]. */
function rowsAmong(values: Float64Array, chosen: readonly number[], width: number): Float64Array {
  const out = new Float64Array(chosen.length * width)
  for (const [i, row] of chosen.entries()) out.set(values.subarray(row * width, (row + 1) * width), i * width)
  return out
}

/** c that makes Σ(truth − c·prediction)² least. */
function leastSquaresFactor(predictions: Float64Array, truth: Float64Array): number {
  let [products, squares] = [0, 0]
  for (let i = 0; i < truth.length; i++) {
    products += truth[i]! * predictions[i]!
    squares += predictions[i]! ** 2
  }
  return squares > 0 ? products / squares : 1
}

interface PartOptions {
  readonly x: Float32Array
  readonly rows: number
  readonly targets: Float64Array
  readonly held: { readonly x: Float32Array; readonly rows: number; readonly targets: Float64Array }
  readonly columns: readonly number[]
  readonly aim: Aim
  readonly rng: Random
  readonly watch: Watch
  /** Share of the trial's time at which this part ends. */
  readonly until: number
  readonly mostSteps?: number
}

const MOST_ROUNDS = 1500
const PATIENCE = 30

async function trainPart(architecture: TableArchitecture, options: PartOptions): Promise<Part | undefined> {
  const { x, rows, targets, held, columns, aim, rng, watch, mostSteps = Number.POSITIVE_INFINITY, until } = options
  const { kind, outputs } = aim
  await new Promise<void>((resolve) => setImmediate(resolve))
  if (watch.over()) return undefined
  const means = Array.from({ length: outputs }, (_, k) =>
    kind === 'classes' ? 1 / outputs : spread(targets, outputs, k).mean,
  )
  if (architecture.type === 'mean') {
    // Constants are quantities of the target itself; with no transform the link is mean and scale.
    if (kind === 'quantities') return { kind: 'network', network: constantNetwork(columns.length, means), columns }
    if (kind === 'labels') return { kind: 'constant', values: means.map((mean) => (mean * rows + 1) / (rows + 2)) }
    const counts = new Array<number>(outputs).fill(1)
    for (const target of targets) counts[target]!++
    return { kind: 'constant', values: counts.map((count) => count / (rows + outputs)) }
  }
  if (architecture.type === 'trees') return { kind: 'forest', forest: trainForest(architecture, options), columns }
  if (architecture.type === 'kernel') {
    const y = new Float64Array(rows * outputs)
    for (let i = 0; i < rows; i++)
      for (let k = 0; k < outputs; k++)
        y[i * outputs + k] = (kind === 'classes' ? (targets[i] === k ? 1 : 0) : targets[i * outputs + k]!) - means[k]!
    const weights = solveKernel(x, y, rows, columns.length, outputs, architecture)
    const { gamma } = architecture
    // A label's share of one half is the log-odds 0.
    const offset = kind === 'labels' ? means.map((mean) => mean - 0.5) : means
    const shared = { centres: x, weights, rows, features: columns.length, outputs, gamma, offset }
    if (kind === 'quantities') return { kind: 'network', network: kernelNetwork({ ...shared, factor: 1 }), columns }
    // Shares are no logits: the factor that gives the held rows the least loss makes them so.
    const lossOf = lossAgainst(held.targets, aim)
    const link: Link = { transform: 'none', mean: means, scale: means }
    let best: { factor: number; loss: number } = { factor: 8, loss: Number.POSITIVE_INFINITY }
    for (const factor of [2, 4, 6, 8, 12, 16, 24]) {
      using candidate = kernelNetwork({ ...shared, factor })
      const part: Part = { kind: 'network', network: candidate, columns: columns.map((_, c) => c) }
      const loss = lossOf(predictPart(part, link, held.x, held.rows, columns.length, aim))
      if (loss < best.loss) best = { factor, loss }
    }
    return { kind: 'network', network: kernelNetwork({ ...shared, factor: best.factor }), columns }
  }
  const form = { input: [columns.length], classes: outputs, rng: rng.fork('weights') }
  const linear = architecture.type === 'linear'
  const network = linear ? linearNetwork(form) : perceptronSpace().build(architecture, form)
  const batchSize = rows < 1000 ? 32 : rows < 20_000 ? 128 : 256
  using session = trainingSession({
    network,
    rng: rng.fork('training'),
    optimizer: 'adamW',
    batchSize,
    weightDecay: architecture.weightDecay,
    loss: losses[kind],
    clipNorm: 5,
  })
  const perEpoch = Math.max(1, Math.floor(rows / Math.min(batchSize, rows)))
  const count = Math.min(mostSteps, (linear ? 8 : architecture.epochs) * perEpoch)
  const pace = steps(count)
  // A network ends in time: its learning rate falls with whatever is closer to its end, its steps or its time.
  const began = watch.used()
  const allowed = Math.max(1e-9, until - began)
  const peak = linear ? 1e-2 : architecture.learningRate
  await session.train({
    data: featureSplit(x, rows, columns.length, targets, aim),
    pace: (step) => Math.max(pace(step), (watch.used() - began) / allowed),
    learningRate: (share) => (share < 0.1 ? peak * Math.max(0.05, share / 0.1) : (peak * (1 - share)) / 0.9),
  })
  if (watch.over()) return undefined
  return { kind: 'network', network: session.adopt(), columns }
}

const losses = { classes: softmaxCrossEntropy, labels: sigmoidCrossEntropy, quantities: l2Loss } as const

/** One forest of boosted trees; of several labels or quantities, one for each, written as one. */
function trainForest(architecture: TreesArchitecture, options: PartOptions): Forest {
  const { x, rows, targets, held, columns, aim, rng, watch, until, mostSteps = MOST_ROUNDS } = options
  const { learningRate, leaves, leafRows, penalty, rowShare, featureShare } = architecture
  const width = widthOf(aim)
  const began = watch.used()
  const forests = Array.from({ length: width }, (_, k) => {
    const made = (all: Float64Array): BoostingTarget => {
      const values = width === 1 ? all : all.filter((_, i) => i % width === k)
      if (aim.kind === 'quantities') return { kind: 'regression', values }
      return { kind: 'classification', values, classes: aim.kind === 'labels' ? 2 : aim.outputs }
    }
    const end = began + ((until - began) * (k + 1)) / width
    return boost(
      { x, rows, target: made(targets) },
      { x: held.x, rows: held.rows, target: made(held.targets) },
      columns.length,
      {
        learningRate,
        leaves,
        leafRows,
        penalty,
        rowShare,
        featureShare,
        patience: PATIENCE,
        rng,
        rounds: Math.min(MOST_ROUNDS, mostSteps),
        // A forest that ends in time is a forest, if a smaller one.
        stop: () => watch.over() || watch.used() >= end,
      },
    ).forest
  })
  return forests.length === 1 ? forests[0]! : joined(forests)
}

/** Forests of one output each as one of several: its trees take turns, and a forest that ended earlier has trees of 0. */
function joined(forests: readonly Forest[]): Forest {
  const rounds = Math.max(...forests.map(({ trees }) => trees.length))
  const nothing: Tree = {
    feature: Int32Array.of(-1),
    threshold: Float32Array.of(0),
    left: Int32Array.of(0),
    right: Int32Array.of(0),
    value: Float32Array.of(0),
  }
  return {
    features: forests[0]!.features,
    outputs: forests.length,
    base: forests.map(({ base }) => base[0]!),
    trees: Array.from({ length: rounds }, (_, round) => forests.map(({ trees }) => trees[round] ?? nothing)).flat(),
  }
}

export function linearNetwork({
  input,
  classes,
  rng,
}: {
  input: readonly number[]
  classes: number
  rng: Random
}): Network {
  const scope = variableScope({ rng })
  return networkOf({
    scope,
    inputShape: input,
    outputShape: [classes],
    apply: dense(scope.child('linear'), { inputs: input[0]!, units: classes }),
  })
}

function constantNetwork(features: number, values: readonly number[]): Network {
  const variable = tf.tidy(() => tf.variable(tf.tensor2d([...values], [1, values.length]), false))
  return {
    inputShape: [features],
    outputShape: [values.length],
    trainable: [],
    state: [variable],
    apply: (x) => tf.add(tf.mul(tf.sum(x, 1, true), 0), variable as tf.Tensor),
    [Symbol.dispose]: () => variable.dispose(),
  }
}

function featureSplit(
  x: Float32Array,
  rows: number,
  features: number,
  targets: Float64Array,
  aim: Aim,
): Split<'train'> {
  const width = widthOf(aim)
  const isClasses = aim.kind === 'classes'
  return {
    role: 'train',
    size: rows,
    inputShape: [features],
    classes: isClasses ? aim.outputs : 0,
    *batches({ batchSize, rng, dropRemainder = false }) {
      const order = Array.from({ length: rows }, (_, i) => i)
      const shuffled = rng ? rng.shuffle(order) : order
      for (let start = 0; start < rows; start += batchSize) {
        const n = Math.min(batchSize, rows - start)
        if (dropRemainder && n < batchSize) return
        const inputs = new Float32Array(n * features)
        const labels = isClasses ? new Int32Array(n) : new Float32Array(n * width)
        for (let i = 0; i < n; i++) {
          const row = shuffled[start + i]!
          inputs.set(x.subarray(row * features, (row + 1) * features), i * features)
          labels.set(targets.subarray(row * width, (row + 1) * width), i * width)
        }
        const shape: [number, number] = [n, features]
        yield {
          inputs: tf.tensor2d(inputs, shape),
          targets: isClasses ? tf.tensor1d(labels, 'int32') : tf.tensor2d(labels, [n, width]),
        }
      }
    },
  }
}

function mix(predictions: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const out = new Float64Array(predictions[0]!.length)
  predictions.forEach((own, m) => {
    if (weights[m]! > 0) for (let i = 0; i < out.length; i++) out[i]! += weights[m]! * own[i]!
  })
  return out
}

const PICKS = 25

/** Greedy selection with repetition: each pick is the one that makes the mean of all picks best. */
function selectTogether(
  predictions: readonly Float64Array[],
  lossOf: (predictions: Float64Array) => number,
  limits: Limits,
  done: readonly Trained[],
  mostMs: number,
): number[] {
  const counts = new Array<number>(predictions.length).fill(0)
  const sum = new Float64Array(predictions[0]!.length)
  const trialSum = new Float64Array(sum.length)
  let best = { loss: Number.POSITIVE_INFINITY, counts: [...counts] }
  const most = Math.min(limits.parameters ?? Number.POSITIVE_INFINITY, (limits.bytes ?? Number.POSITIVE_INFINITY) / 4)
  const sizes = done.map(({ member }) => sizeOf(member))
  const total = (numbers: readonly number[], added: number) =>
    numbers.reduce((all, each, i) => all + (counts[i]! > 0 || i === added ? each : 0), 0)
  const times = done.map(({ latencyMs = 0 }) => latencyMs)
  for (let picked = 1; picked <= PICKS; picked++) {
    let choice = { index: -1, loss: Number.POSITIVE_INFINITY }
    for (const [index, own] of predictions.entries()) {
      if (total(sizes, index) > most || total(times, index) > mostMs) continue
      for (let i = 0; i < sum.length; i++) trialSum[i] = (sum[i]! + own[i]!) / picked
      const loss = lossOf(trialSum)
      if (loss < choice.loss) choice = { index, loss }
    }
    if (choice.index < 0) break
    counts[choice.index]!++
    const own = predictions[choice.index]!
    for (let i = 0; i < sum.length; i++) sum[i]! += own[i]!
    if (choice.loss < best.loss) best = { loss: choice.loss, counts: [...counts] }
  }
  const all = best.counts.reduce((a, b) => a + b, 0)
  return best.counts.map((count) => count / all)
}

/** The temperature of least log-loss, by golden section over its logarithm. */
function temperatureOf(probabilities: Float64Array, aim: Aim, lossOf: (predictions: Float64Array) => number): number {
  const loss = (log: number) => lossOf(warmed(probabilities, aim, Math.exp(log)))
  const ratio = (Math.sqrt(5) - 1) / 2
  let [low, high] = [-1, 1]
  for (let i = 0; i < 20; i++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)]
    if (loss(a) < loss(b)) high = b
    else low = a
  }
  return Math.exp((low + high) / 2)
}
