// The main job, `npm start`: the front door on CIFAR-10. It searches for about five minutes, then trains the network
// made by hand for the same time, and says what the search gained.
//     npm start -- --minutes 10
//     npm start -- --no-compare          (without the second five minutes)
//     npm start -- --dashboard           (the search in the browser, while it runs)
//     npx archloom run examples/main.ts --help
import { fileURLToPath } from 'node:url'
import { realClock, type StudyOptions } from 'archloom'
import { cifar10, describeDataset, generatedImages, type ImageDataset, orGenerated } from 'archloom/evaluators/data'
import { classify } from 'archloom/evaluators/metrics'
import {
  allowance,
  type Budget,
  type FitEvent,
  processorClock,
  searchImages,
  trainHandMade,
} from 'archloom/plugins/fit'
import { exportOnnx } from 'archloom/plugins/onnx'
import { useEngine } from 'archloom/tensor'

export const flags = {
  minutes: { type: 'number', describe: 'time for the search and the training of its winner; default 5' },
  trials: { type: 'number', describe: 'networks to try at first; default: as many as fit the time' },
  steps: { type: 'number', describe: 'training steps in all instead of a time: the same seed gives the same network' },
  processor: {
    type: 'boolean',
    describe: 'count processor time (two cores give two minutes per minute) instead of time',
  },
  noCompare: { type: 'boolean', describe: 'leave the comparison with the network made by hand out' },
  seed: { type: 'number', describe: 'default 1' },
  engine: { type: 'string', describe: 'tensor engine; default the best one here (see archloom doctor)' },
  data: { type: 'string', describe: 'folder that holds CIFAR-10 (as ARCHLOOM_DATA), or "generated"' },
  out: { type: 'string', describe: 'file for the network found, as ONNX' },
} as const

interface Options {
  readonly minutes?: number
  readonly trials?: number
  readonly steps?: number
  readonly processor?: boolean
  readonly noCompare?: boolean
  readonly seed?: number
  readonly engine?: string
  readonly data?: string
  readonly out?: string
  /** Training examples of the generated set. */
  readonly images?: number
  readonly log?: (text: string) => void
  readonly status?: (text: string) => void
  readonly signal?: AbortSignal
  /** Where the trials are written down: `npx archloom run examples/main.ts --study NAME`, or `npm start -- --dashboard`. */
  readonly study?: StudyOptions
}

export async function main(options: Options = {}) {
  const { seed = 1, minutes = 5, engine = 'auto', log = console.log, status = () => {}, signal } = options
  const { name, describe, version, threads } = await useEngine(engine)
  log(`engine      ${name} ${version}, ${threads} thread${threads === 1 ? '' : 's'} (${describe})`)
  const data = await findImages(options)
  log(`data        ${describeDataset(data)}`)
  for (const note of data.notes) log(`            ${note}`)
  if (data.source === 'generated') log('            GENERATED IMAGES: no accuracy below says anything about CIFAR-10')

  const budget: Budget = options.steps === undefined ? { minutes } : { steps: options.steps }
  const clock = options.processor ? processorClock : realClock
  const spending =
    options.steps === undefined
      ? `${minutes} minutes${options.processor ? ' of processor time' : ''}`
      : `${options.steps} steps`
  log(
    `plan        ${spending} for the search and its winner${options.noCompare ? '' : `, then ${spending} for the network made by hand`}`,
  )
  const shared = {
    data,
    seed,
    flip: data.source !== 'generated',
    ...(signal && { signal }),
  }
  using found = await searchImages({
    ...shared,
    allowance: allowance(budget, clock),
    ...(options.trials !== undefined && { trials: options.trials }),
    ...(options.study && { study: options.study }),
    onEvent: (event) => tell(event, log, status),
  })
  const test = await classify(found.network, data.test)
  log(
    `search      test accuracy ${percent(test.accuracy)} on ${data.test.size} images of ${data.name}, ${found.steps} steps of the winner`,
  )
  if (options.out !== undefined) {
    const { report } = await exportOnnx(found.network, { file: options.out })
    log(`written     ${options.out}, ${report.bytes} bytes`)
  }
  const result = {
    testAccuracy: test.accuracy,
    validationAccuracy: found.validationAccuracy,
    ...found.cost,
    architecture: found.architecture,
    trials: found.trials.length,
    dataset: data.name,
    source: data.source,
  }
  if (options.noCompare || signal?.aborted) return result
  using byHand = await trainHandMade({
    ...shared,
    allowance: allowance(budget, clock),
    onEvent: (event) => tell(event, log, status),
  })
  const hand = await classify(byHand, data.test)
  const gain = 100 * (test.accuracy - hand.accuracy)
  log(
    `comparison  search ${percent(test.accuracy)}, the network made by hand ${percent(hand.accuracy)} in the same ${spending}: search ${gain < 0 ? 'lost' : 'gained'} ${Math.abs(gain).toFixed(2)} points`,
  )
  return { ...result, handMadeAccuracy: hand.accuracy }
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`

function tell(event: FitEvent, log: (text: string) => void, status: (text: string) => void) {
  if (event.type === 'note' || event.type === 'warning') log(event.message)
  else if (event.type === 'progress')
    status(`${(100 * event.share).toFixed(0)} %  step ${event.step}  loss ${event.loss.toFixed(3)}`)
  else if (event.type === 'winner') log(`winner      trial ${event.trial}: ${event.name}; it is trained to the end`)
  else
    log(
      `trial ${String(event.trial).padEnd(2)}    ${percent(event.metrics.accuracy!)} after ${event.steps} steps, ${Math.round(event.seconds)} s: ${event.name}`,
    )
}

/** CIFAR-10 from ARCHLOOM_DATA, the cache or the network; else generated images, whose notes say so. */
function findImages({ data, seed = 1, images = 8000 }: Options): Promise<ImageDataset> {
  const rest = Math.min(1000, images)
  const generated = { size: 32, train: images, validation: rest, test: rest, seed }
  if (data === 'generated') return Promise.resolve(generatedImages(generated))
  const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
  return orGenerated(() => cifar10({ validation: 1000, seed, environment, attempts: 2 }), generated)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
