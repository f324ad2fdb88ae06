// The main job, `npm start`: a neural architecture search on CIFAR-10 that takes about five minutes on two cores.
//     npm start -- --minutes 10 --controller reinforce
//     npx archloom run examples/main.ts --help
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSearch, type Infer, realClock, type Search, type StudyOptions } from 'archloom'
import { cifar10, describeDataset, generatedImages, type ImageDataset, orGenerated } from 'archloom/evaluators/data'
import { retrain, trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { cosine } from 'archloom/evaluators/training'
import { evolution } from 'archloom/plugins/evolution'
import { reinforce } from 'archloom/plugins/reinforce'
import { cellDot, cellSpace } from 'archloom/search-spaces/cell'
import { useEngine } from 'archloom/tensor'
import { measure, middling, type Plan, planFor, winnerSteps } from './main/plan.ts'

/** Two cells of three nodes, in a network of three cells that trains in seconds. */
export const space = cellSpace({
  nodes: 3,
  channels: 8,
  cells: 3,
  reductions: [0, 1],
  stemMultiplier: 1,
  operations: ['skip_connect', 'max_pool_3x3', 'avg_pool_3x3', 'nor_conv_1x1', 'nor_conv_3x3'],
})
type Architecture = Infer<typeof space>

export const flags = {
  trials: { type: 'number', describe: 'architectures to try; default: as many as fit the time' },
  minutes: { type: 'number', describe: 'time for everything; default 5' },
  steps: { type: 'number', describe: 'training steps of a trial: fixes the plan, whatever the speed of the machine' },
  seed: { type: 'number', describe: 'same seed and plan, same search; default 1' },
  controller: { type: 'string', choices: ['evolution', 'reinforce'], describe: 'default evolution' },
  engine: { type: 'string', describe: 'tensor engine; default the best one here (see archloom doctor)' },
  data: { type: 'string', describe: 'folder that holds CIFAR-10 (as ARCHLOOM_DATA), or "generated"' },
} as const

interface Options {
  readonly trials?: number
  readonly minutes?: number
  readonly steps?: number
  readonly seed?: number
  readonly controller?: 'evolution' | 'reinforce'
  readonly engine?: string
  readonly data?: string
  /** Training examples of the generated set. */
  readonly pictures?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
  readonly status?: (text: string) => void
  readonly signal?: AbortSignal
}

/** What a composed search is concluded with. */
interface Job {
  readonly data: ImageDataset
  readonly plan: Plan
  /** When everything should be over, by the real clock. */
  readonly deadline: number
}
const jobs = new WeakMap<object, Job>()
const PLAN_FILE = 'plan.json'

/** Composes the search: data, calibration, plan. */
export async function search(options: Options = {}): Promise<Search<Architecture>> {
  const { seed = 1, minutes = 5, controller = 'evolution', engine = 'auto', log = console.log } = options
  const began = realClock.now()
  const { name, describe, version, threads } = await useEngine(engine)
  log(`engine      ${name} ${version}, ${threads} thread${threads === 1 ? '' : 's'} (${describe})`)
  const data = await findPictures(options)
  log(`data        ${describeDataset(data)}`)
  for (const note of data.notes) log(`            ${note}`)
  if (data.source === 'generated') log('            GENERATED PICTURES: no accuracy below says anything about CIFAR-10')

  const deadline = began + 60_000 * minutes
  const plan = readPlan(options.study) ?? (await makePlan(data, deadline, options))
  log(describePlan(plan))
  const population = Math.max(4, Math.round(plan.trials / 4))
  const composed = createSearch({
    space,
    evaluator: trainFromScratch({
      data,
      epochs: (plan.steps * plan.batchSize) / data.train.size,
      ...training(plan.batchSize),
    }),
    plugins: [controller === 'evolution' ? evolution({ population, sample: Math.ceil(population / 2) }) : reinforce()],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: plan.trials },
    seed,
    study: options.study ?? { name: `cifar-${controller}-${timestamp()}` },
  })
  jobs.set(composed, { data, plan, deadline })
  writeFileSync(join(composed.study, PLAN_FILE), `${JSON.stringify(plan, null, 2)}\n`)
  return composed
}

const timestamp = () => new Date(realClock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')

/** Drawn for the best architecture. */
export const picture = (architecture: Architecture) => cellDot(architecture)

/** One line for an architecture: each node of a cell as its two inputs, `operation(state)`. */
export const label = (architecture: Architecture) =>
  (['normal', 'reduction'] as const)
    .map((cell) => architecture[cell].map(({ left, right }) => `${edge(left)}+${edge(right)}`).join(' '))
    .join(' | ')
const SHORT = {
  skip_connect: 'skip',
  max_pool_3x3: 'max',
  avg_pool_3x3: 'avg',
  nor_conv_1x1: 'conv1',
  nor_conv_3x3: 'conv3',
} as const
const edge = ({ input, op }: { readonly input: number; readonly op: keyof typeof SHORT }) => `${SHORT[op]}(${input})`

/** Trains the winner for longer, from fresh weights, and measures it once on the test set. */
export async function conclude({
  search: finished,
  log = console.log,
  status = () => {},
  signal,
}: Options & { readonly search: object }) {
  const { data, plan, deadline } = jobs.get(finished) as Job
  const [best] = (finished as Search<Architecture>).best(1)
  if (!best) return {}
  const { batchSize } = plan
  const speed = plan.speed ? await measure(space, best.architecture, data, batchSize, realClock) : undefined
  const steps = winnerSteps(plan, speed, deadline - realClock.now(), data.validation.size + data.test.size)
  const epochs = (steps * batchSize) / data.train.size
  log(`training the best architecture (trial ${best.trial}) for ${epochs.toFixed(1)} epochs, about ${steps} steps`)
  const began = realClock.now()
  using winner = await retrain(best, {
    data,
    epochs,
    seed: 1,
    // Classes of the generated set are directions: mirrored, one is another.
    augment: { flip: data.source !== 'generated' },
    ...training(batchSize),
    ...(signal && { signal }),
    onProgress: ({ step, steps: all, metrics }) => {
      const left = ((realClock.now() - began) / step) * (all - step)
      status(`step ${step}/${all}  loss ${metrics.loss?.toFixed(3)}  ${Math.ceil(left / 1000)} s left`)
    },
  })
  const { testAccuracy, validationAccuracy, parameters, seconds } = winner
  log(`test accuracy ${(100 * testAccuracy!).toFixed(2)} % on ${data.test.size} pictures of ${data.name}`)
  return {
    testAccuracy,
    validationAccuracy,
    parameters,
    retrainSeconds: Math.round(seconds),
    dataset: data.name,
    source: data.source,
  }
}

/** Everything without the command line's display. */
export async function main(options: Options = {}) {
  const { log = console.log } = options
  await using composed = await search(options)
  composed.on('trial.completed', ({ trial, metrics }) =>
    log(`trial ${trial}: accuracy ${metrics.accuracy?.toFixed(4)}`),
  )
  await composed.finish(options.signal ? { signal: options.signal } : {})
  return { study: composed.study, ...(await conclude({ ...options, search: composed })) }
}

const training = (batchSize: number) => ({
  batchSize,
  trainer: { batchSize, reportEvery: 5, learningRate: cosine({ peak: 0.1, warmUp: 0.1 }), weightDecay: 5e-4 },
})

/** CIFAR-10 from ARCHLOOM_DATA, the cache or the network; else generated pictures, whose notes say so. */
function findPictures({ data, seed = 1, pictures = 8000 }: Options): Promise<ImageDataset> {
  const rest = Math.min(1000, pictures)
  const generated = { size: 32, train: pictures, validation: rest, test: rest, seed }
  if (data === 'generated') return Promise.resolve(generatedImages(generated))
  const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
  return orGenerated(() => cifar10({ validation: 1000, seed, environment, attempts: 2 }), generated)
}

async function makePlan(data: ImageDataset, deadline: number, { trials, steps, status }: Options): Promise<Plan> {
  const batchSize = Math.min(32, data.train.size)
  if (steps !== undefined) return { trials: trials ?? 20, steps, batchSize, speed: null }
  status?.('measuring how fast this machine trains …')
  const speed = await measure(space, middling(space, data), data, batchSize, realClock)
  return planFor(speed, deadline - realClock.now(), data.validation.size, trials)
}

/** A study that is resumed keeps its plan. */
function readPlan(study: StudyOptions | undefined): Plan | undefined {
  const file = join(study?.directory ?? 'archloom-studies', study?.name ?? '', PLAN_FILE)
  return study?.name !== undefined && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Plan) : undefined
}

function describePlan({ trials, steps, batchSize, speed }: Plan): string {
  const cost = speed && `a network of ${(speed.multiplyAdds / 1e6).toFixed(1)} M multiply-adds`
  const measured = speed ? `measured    ${speed.stepMs} ms a training step of ${batchSize} pictures (${cost})\n` : ''
  return `${measured}plan        ${trials} trials of ${steps} steps, then the best one trained in the time left`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
