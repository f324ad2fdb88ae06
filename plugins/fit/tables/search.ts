import * as tf from '@tensorflow/tfjs-core'
import { type CreateSearchOptions, createSearch, memoryStore, type Random, seeded } from '../../../core/index.ts'
import {
  dense,
  l2Loss,
  network as networkOf,
  softmaxCrossEntropy,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { Network, Split } from '../../../core/trainer.ts'
import { kernelNetwork, solveKernel } from '../../../evaluators/kernel/index.ts'
import { steps, trainingSession } from '../../../evaluators/training/index.ts'
import { type BoostingTarget, boost } from '../../../evaluators/trees/index.ts'
import { perceptronSpace } from '../../../search-spaces/perceptron/index.ts'
import { random } from '../../random/index.ts'
import { tpe } from '../../tpe/index.ts'
import type { Allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitEvent, Limits, TrialRecord } from '../events.ts'
import { describeLimits } from '../limits.ts'
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
import { KERNEL_ROWS, type TableArchitecture, tableNameOf, tablePortfolio, tableSpace } from './space.ts'

/** Features and targets of the training rows. */
export interface TableExamples {
  /** [rows, features] */
  readonly x: Float32Array
  readonly rows: number
  readonly features: number
  /** Of each feature: whether only networks should see it, because trees find it themselves. */
  readonly detail: readonly boolean[]
  /** [rows]: class indices or quantities. */
  readonly targets: Float64Array
  /** 0 for quantities. */
  readonly classes: number
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
  /** Most steps of a network and rounds of trees; default: none beyond the architecture's own. */
  readonly mostSteps?: number
  /** Where the trials are written down, as for createSearch. Default: nowhere but in memory. */
  readonly study?: CreateSearchOptions<TableArchitecture>['study']
}

export interface FoundTableModel extends Disposable {
  readonly predictor: TablePredictor
  readonly trials: readonly TrialRecord<TableArchitecture>[]
  /** Of the whole, on rows that its parts had not seen: `loss` (log-loss or RMSE) and `accuracy`. */
  readonly metrics: Readonly<Record<string, number>>
}

interface Trained {
  readonly number: number
  readonly architecture: TableArchitecture
  readonly member: Omit<Member, 'weight'>
  /** [assessed rows, outputs] */
  readonly predictions: Float64Array
  readonly loss: number
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
  const { rows, targets, classes, folds, used } = examples
  await useEngine()
  const space = tableSpace()
  const rng = seeded(seed)
  const classification = classes > 0
  const outputs = Math.max(1, classes)
  const assessed = Array.from({ length: rows }, (_, i) => i).filter((i) => used.includes(folds[i]!))
  const truth = Float64Array.from(assessed, (i) => targets[i]!)
  const limit = options.trials ?? (allowance.timed ? Number.POSITIVE_INFINITY : 8)
  const total = allowance.left()
  const timeLeft = () => allowance.left() - RESERVE * (allowance.timed ? total : 0)
  const records: TrialRecord<TableArchitecture>[] = []
  const done: Trained[] = []
  const seen = new Set<string>()
  const known = tablePortfolio({ rows, classification, skewed: !classification && isSkewed(targets) })
  const durations = new Map<string, number>()

  const isWorthwhile = (architecture: TableArchitecture) =>
    !seen.has(JSON.stringify(architecture)) &&
    (architecture.type !== 'mean' || seen.size === 0) &&
    (architecture.type !== 'kernel' || rows <= KERNEL_ROWS) &&
    (!classification || !('transform' in architecture) || architecture.transform === 'none') &&
    // What took too long before would not end in time now.
    (durations.get(architecture.type) ?? 0) < timeLeft()
  await using search = createSearch({
    space,
    // This loop asks and tells: it knows what fits the time that is left.
    evaluator: () => ({ loss: Number.NaN }),
    plugins: [strategy === 'search' ? tpe() : random()],
    objectives: { loss: 'minimise' },
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
        release(trained.member)
        onEvent({
          type: 'note',
          message: `trial ${number} is larger than the limits allow: ${tableNameOf(architecture)}`,
        })
        outcome = { failed: 'it is larger than the limits allow' }
        continue
      }
      done.push(trained)
      const metrics = measured(trained.predictions, truth, outputs, classification)
      outcome = { ...metrics, loss: trained.loss }
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
    if (records.length === 0 && Object.keys(limits).length > 0 && seen.size > 0)
      throw error('ARCHLOOM_FIT_LIMITS', { limits: describeLimits(limits), least: 'more than that' })
    throw error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: seen.size })
  }
  const weights = selectTogether(
    done.map(({ predictions }) => predictions),
    truth,
    outputs,
    classification,
    limits,
    done.map(({ member }) => sizeOf(member)),
  )
  const members = done.flatMap(({ member }, i) => {
    if (weights[i]! > 0) return [{ ...member, weight: weights[i]! }]
    release(member)
    return []
  })
  const mixed = mix(
    done.map(({ predictions }) => predictions),
    weights,
  )
  const temperature = classification ? temperatureOf(mixed, truth, outputs) : 1
  const final = classification ? warmed(mixed, outputs, temperature) : mixed
  const predictor = tablePredictor(members, outputs, classification, temperature)
  return {
    predictor,
    trials: records,
    metrics: measured(final, truth, outputs, classification),
    [Symbol.dispose]: () => predictor[Symbol.dispose](),
  }
}

function isSkewed(values: Float64Array): boolean {
  const sorted = values.slice().sort()
  if (sorted[0]! < 0) return false
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!
  return at(0.99) - at(0.5) > 2.5 * (at(0.5) - at(0.01))
}

/** Numbers that a member holds. */
function sizeOf({ parts }: Pick<Member, 'parts'>): number {
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
  const { x, rows, features, targets, classes, folds, used, detail } = examples
  const classification = classes > 0
  const outputs = Math.max(1, classes)
  const columns = columnsFor(architecture, detail)
  const transform = 'transform' in architecture ? architecture.transform : 'none'
  const turned = classification
    ? targets
    : targets.map((value) => forwardLink(Math.max(0, value) === value || transform === 'none' ? value : 0, transform))
  const link: Link = classification ? { transform: 'none', mean: 0, scale: 1 } : { transform, ...spread(turned) }
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
      const learned = Float64Array.from(train, (i) =>
        classification ? targets[i]! : (turned[i]! - link.mean) / link.scale,
      )
      const heldTargets = Float64Array.from(held, (i) =>
        classification ? targets[i]! : (turned[i]! - link.mean) / link.scale,
      )
      const part = await trainPart(architecture, {
        ...{
          x: rowsAt(train),
          rows: train.length,
          targets: learned,
          columns,
          classes,
          rng: own,
          watch,
          until: (0.95 * (turn + 1)) / used.length,
        },
        held: { x: rowsAt(held), rows: held.length, targets: heldTargets },
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
      const values = predictPart(part, link, heldX, held.length, features, outputs, classification)
      held.forEach((row, i) => {
        const place = placeOf.get(row)!
        for (let k = 0; k < outputs; k++) predictions[place * outputs + k] = values[i * outputs + k]!
      })
    }
  } catch (thrown) {
    release({ parts })
    throw thrown
  }
  const factor = classification || transform === 'none' ? 1 : leastSquaresFactor(predictions, truth)
  if (factor !== 1) for (let i = 0; i < predictions.length; i++) predictions[i]! *= factor
  const loss = lossOf(predictions, truth, outputs, classification)
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

function spread(values: Float64Array): { mean: number; scale: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, scale: Math.sqrt(variance) || 1 }
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
  readonly classes: number
  readonly rng: Random
  readonly watch: Watch
  /** Share of the trial's time at which this part ends. */
  readonly until: number
  readonly mostSteps?: number
}

const MOST_ROUNDS = 1500
const PATIENCE = 30

async function trainPart(architecture: TableArchitecture, options: PartOptions): Promise<Part | undefined> {
  const { x, rows, targets, held, columns, classes, rng, watch, until, mostSteps = Number.POSITIVE_INFINITY } = options
  const outputs = Math.max(1, classes)
  await new Promise<void>((resolve) => setImmediate(resolve))
  if (watch.over()) return undefined
  if (architecture.type === 'mean') {
    if (classes === 0) {
      const mean = targets.reduce((sum, value) => sum + value, 0) / rows
      // A constant is a quantity of the target itself; with no transform the link is mean and scale.
      return { kind: 'network', network: constantNetwork(columns.length, mean), columns }
    }
    const counts = new Array<number>(classes).fill(1)
    for (const target of targets) counts[target]!++
    return { kind: 'constant', values: counts.map((count) => count / (rows + classes)) }
  }
  if (architecture.type === 'trees') {
    const made = (values: Float64Array): BoostingTarget =>
      classes > 0 ? { kind: 'classification', values, classes } : { kind: 'regression', values }
    const { learningRate, leaves, leafRows, penalty, rowShare, featureShare } = architecture
    const { forest } = boost(
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
        stop: () => watch.over() || watch.used() >= until,
      },
    )
    return { kind: 'forest', forest, columns }
  }
  if (architecture.type === 'kernel') {
    const mean = Array.from(
      { length: outputs },
      (_, k) => (classes > 0 ? 1 / classes : targets.reduce((sum, value) => sum + value, 0) / rows) + 0 * k,
    )
    const y = new Float64Array(rows * outputs)
    for (let i = 0; i < rows; i++)
      for (let k = 0; k < outputs; k++)
        y[i * outputs + k] = (classes > 0 ? (targets[i] === k ? 1 : 0) : targets[i]!) - mean[k]!
    const weights = solveKernel(x, y, rows, columns.length, outputs, architecture)
    const shared = {
      centres: x,
      weights,
      rows,
      features: columns.length,
      outputs,
      gamma: architecture.gamma,
      offset: mean,
    }
    if (classes === 0) return { kind: 'network', network: kernelNetwork({ ...shared, factor: 1 }), columns }
    // Shares of a class are no logits: the factor that gives the held rows the least log-loss makes them so.
    let best: { factor: number; loss: number } = { factor: 8, loss: Number.POSITIVE_INFINITY }
    for (const factor of [2, 4, 6, 8, 12, 16, 24]) {
      using candidate = kernelNetwork({ ...shared, factor })
      const part: Part = { kind: 'network', network: candidate, columns: columns.map((_, c) => c) }
      const link: Link = { transform: 'none', mean: 0, scale: 1 }
      const loss = lossOf(
        predictPart(part, link, held.x, held.rows, columns.length, outputs, true),
        held.targets,
        outputs,
        true,
      )
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
    loss: (out, target) => (classes > 0 ? softmaxCrossEntropy(out, target) : l2Loss(out, target)),
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
    data: featureSplit(x, rows, columns.length, targets, classes),
    pace: (step) => Math.max(pace(step), (watch.used() - began) / allowed),
    learningRate: (share) => (share < 0.1 ? peak * Math.max(0.05, share / 0.1) : (peak * (1 - share)) / 0.9),
  })
  if (watch.over()) return undefined
  return { kind: 'network', network: session.adopt(), columns }
}

function linearNetwork({ input, classes, rng }: { input: readonly number[]; classes: number; rng: Random }): Network {
  const scope = variableScope({ rng })
  return networkOf({
    scope,
    inputShape: input,
    outputShape: [classes],
    apply: dense(scope.child('linear'), { inputs: input[0]!, units: classes }),
  })
}

function constantNetwork(features: number, value: number): Network {
  const variable = tf.tidy(() => tf.variable(tf.scalar(value), false))
  return {
    inputShape: [features],
    outputShape: [1],
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
  classes: number,
): Split<'train'> {
  return {
    role: 'train',
    size: rows,
    inputShape: [features],
    classes,
    *batches({ batchSize, rng, dropRemainder = false }) {
      const order = Array.from({ length: rows }, (_, i) => i)
      const shuffled = rng ? rng.shuffle(order) : order
      for (let start = 0; start < rows; start += batchSize) {
        const n = Math.min(batchSize, rows - start)
        if (dropRemainder && n < batchSize) return
        const inputs = new Float32Array(n * features)
        const labels = classes > 0 ? new Int32Array(n) : new Float32Array(n)
        for (let i = 0; i < n; i++) {
          const row = shuffled[start + i]!
          inputs.set(x.subarray(row * features, (row + 1) * features), i * features)
          labels[i] = targets[row]!
        }
        const shape: [number, number] = [n, features]
        yield {
          inputs: tf.tensor2d(inputs, shape),
          targets: classes > 0 ? tf.tensor1d(labels, 'int32') : tf.tensor2d(labels as Float32Array, [n, 1]),
        }
      }
    },
  }
}

/** Log-loss of probabilities, or the root of the mean squared error. */
function lossOf(predictions: Float64Array, truth: Float64Array, outputs: number, classification: boolean): number {
  let sum = 0
  for (let i = 0; i < truth.length; i++)
    sum += classification
      ? -Math.log(Math.max(1e-12, predictions[i * outputs + truth[i]!]!))
      : (predictions[i]! - truth[i]!) ** 2
  return classification ? sum / truth.length : Math.sqrt(sum / truth.length)
}

/** What a person wants to know of predictions. */
export function measured(
  predictions: Float64Array,
  truth: Float64Array,
  outputs: number,
  classification: boolean,
): Record<string, number> {
  const loss = lossOf(predictions, truth, outputs, classification)
  if (!classification) {
    const { scale } = spread(truth)
    return { rmse: loss, r2: 1 - loss ** 2 / scale ** 2 }
  }
  let right = 0
  for (let i = 0; i < truth.length; i++) {
    let most = 0
    for (let k = 1; k < outputs; k++) if (predictions[i * outputs + k]! > predictions[i * outputs + most]!) most = k
    if (most === truth[i]) right++
  }
  return { accuracy: right / truth.length, loss }
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
  truth: Float64Array,
  outputs: number,
  classification: boolean,
  limits: Limits,
  sizes: readonly number[],
): number[] {
  const counts = new Array<number>(predictions.length).fill(0)
  const sum = new Float64Array(predictions[0]!.length)
  const trialSum = new Float64Array(sum.length)
  let best = { loss: Number.POSITIVE_INFINITY, counts: [...counts] }
  const most = Math.min(limits.parameters ?? Number.POSITIVE_INFINITY, (limits.bytes ?? Number.POSITIVE_INFINITY) / 4)
  for (let picked = 1; picked <= PICKS; picked++) {
    let choice = { index: -1, loss: Number.POSITIVE_INFINITY }
    for (const [index, own] of predictions.entries()) {
      const size = sizes.reduce((all, each, i) => all + (counts[i]! > 0 || i === index ? each : 0), 0)
      if (size > most) continue
      for (let i = 0; i < sum.length; i++) trialSum[i] = (sum[i]! + own[i]!) / picked
      const loss = lossOf(trialSum, truth, outputs, classification)
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
function temperatureOf(probabilities: Float64Array, truth: Float64Array, classes: number): number {
  const loss = (log: number) => lossOf(warmed(probabilities, classes, Math.exp(log)), truth, classes, true)
  const ratio = (Math.sqrt(5) - 1) / 2
  let [low, high] = [-1, 1]
  for (let i = 0; i < 20; i++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)]
    if (loss(a) < loss(b)) high = b
    else low = a
  }
  return Math.exp((low + high) / 2)
}
