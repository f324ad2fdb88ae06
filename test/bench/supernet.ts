/**
 * Weight steps of the supernet of CNAS (C = 16, 8 cells, 8 operations, batch 96, 32×32 images), the overhead of a
 * projecting weight optimizer with its default options where plugins/dinas is there (by the clock, and by processor
 * time, which a busy machine does not spoil), policy steps beside them, and memory over many sampled architectures
 * (2,000 with ARCHLOOM_SLOW=1, else 100).   npm run bench -- supernet [--steps 5] [--json]
 */
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import type { ApplyMode, Batch } from '../../core/index.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import {
  sharedSgd,
  type TappingOptimizerFactory,
  tapping,
  type WeightOptimizer,
  weightTrainer,
} from '../../evaluators/weight-sharing/index.ts'
import { growingSpace, policyLearner } from '../../plugins/cnas/index.ts'
import { cellSpace, cellSupernet, planCells } from '../../search-spaces/cell/index.ts'

export interface SupernetBenchOptions {
  /** Timed steps of each kind. */
  readonly steps?: number
  readonly batch?: number
  readonly channels?: number
  readonly cells?: number
  readonly engine?: string
  readonly log?: (line: string) => void
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

function batchOf(size: number, seed: number): Batch {
  const rng = seeded(seed)
  const inputs = Float32Array.from({ length: size * 32 * 32 * 3 }, () => rng.normal())
  const targets = Int32Array.from({ length: size }, () => rng.int(10))
  return { inputs: tf.tensor4d(inputs, [size, 32, 32, 3]), targets: tf.tensor1d(targets, 'int32') }
}

function supernetOf(channels: number, cells: number) {
  const space = cellSpace({ channels, cells })
  const supernet = cellSupernet<ReturnType<typeof space.decode>>(planCells(space.options, [32, 32, 3], 10), {
    operations: space.options.operations,
    rng: seeded(1),
  })
  return { space, supernet }
}

interface Projection {
  readonly change: WeightOptimizer
  /** Steps that a protection serves, by default. */
  readonly protectEvery: number
}

/** The plugin as it is by default, but for the moments of protection. */
async function projection(): Promise<Projection | undefined> {
  const module = new URL('../../plugins/dinas/index.ts', import.meta.url)
  if (!existsSync(module)) return undefined
  const { disturbanceImmune, dinas } = (await import(module.href)) as {
    disturbanceImmune: (options: object) => WeightOptimizer
    dinas: () => { readonly options?: unknown }
  }
  const { protectEvery } = dinas().options as { protectEvery: number }
  // Protections are timed by themselves: every weight of a timed step has its projector.
  return { change: disturbanceImmune({ protectEvery: 0, releaseEvery: 0 }), protectEvery }
}

/** Milliseconds by the clock and of all processors together. */
interface Spent {
  readonly clock: number
  readonly processor: number
}

function stopwatch(): () => Spent {
  const [began, before] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(before)
    return { clock: performance.now() - began, processor: (user + system) / 1000 }
  }
}

export async function run(options: SupernetBenchOptions = {}): Promise<Bench> {
  const { log = () => {} } = options
  const [count, size, channels, cells] = [
    options.steps ?? 5,
    options.batch ?? 96,
    options.channels ?? 16,
    options.cells ?? 8,
  ].map(Number) as [number, number, number, number]
  const engine = await useEngine(options.engine ?? 'auto')
  const { space, supernet } = supernetOf(channels, cells)
  const results: BenchResult[] = []
  const parameters = supernet.trainable.reduce((sum, variable) => sum + variable.size, 0)
  log(`engine ${engine.name}; supernet of ${parameters.toLocaleString('en-US')} parameters, batch ${size}`)

  // The two kinds of step take turns on the same architectures, so that a busy machine is as busy for both.
  const own = sharedSgd()
  const found = await projection()
  const kinds: readonly (readonly [string, TappingOptimizerFactory])[] = [
    ['plain', tapping(own)],
    ...(found ? [['projected', found.change(own)] as const] : []),
  ]
  const trainers = kinds.map(([name, optimizer]) => ({
    name,
    trainer: weightTrainer(supernet, { optimizer, clipNorm: 5 }),
    steps: [] as Spent[],
  }))
  const warmUp = 1
  const protections: Spent[] = []
  for (let step = 0; step < warmUp + count; step++)
    // The first to meet an operation pays for its preparation in the engine: now the one, now the other.
    for (const { trainer, steps } of step % 2 === 0 ? trainers : trainers.toReversed()) {
      const architecture = space.decode(space.random(seeded(step)))
      const batch = batchOf(size, step)
      const { optimizer } = trainer
      if ('protect' in optimizer && typeof optimizer.protect === 'function') {
        const ended = stopwatch()
        // With a pass of its own, which a search's protections do not need.
        const pass = (tap: NonNullable<ApplyMode['tap']>) =>
          supernet.path(architecture).apply(batch.inputs, { training: true, tap })
        optimizer.protect(pass)
        if (step >= warmUp) protections.push(ended())
      }
      const ended = stopwatch()
      await trainer.step(architecture, batch, seeded(step))
      if (step >= warmUp) steps.push(ended())
    }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const middle = (spent: readonly Spent[]): Spent => ({
    clock: median(spent.map(({ clock }) => clock)),
    processor: mean(spent.map(({ processor }) => processor)),
  })
  const plain = middle(trainers[0]?.steps ?? [])
  const protection = found && middle(protections)
  if (found && protection)
    log(
      `a protection, with a pass of its own: ${protection.clock.toFixed(0)} ms, ${protection.processor.toFixed(0)} of processor time; one in ${found.protectEvery} steps`,
    )
  for (const { name, steps, trainer } of trainers) {
    const bare = middle(steps)
    const share = name === 'projected' && found && protection ? 1 / found.protectEvery : 0
    const clock = bare.clock + share * (protection?.clock ?? 0)
    const processor = bare.processor + share * (protection?.processor ?? 0)
    const against = (reference: string, ratio: number) => (name === 'plain' ? {} : { reference, ratio })
    results.push(
      {
        name: `weight-step/${name}`,
        value: 1000 / clock,
        unit: 'steps/s',
        ...against('weight-step/plain', plain.clock / clock),
      },
      {
        name: `weight-step-processor/${name}`,
        value: processor,
        unit: 'ms',
        ...against('weight-step-processor/plain', plain.processor / processor),
      },
    )
    const percent = (ratio: number) => `${(100 * (ratio - 1)).toFixed(0)} %`
    const overhead = `, overhead ${percent(clock / plain.clock)}, ${percent(processor / plain.processor)} of processor time`
    log(
      `${name}: ${clock.toFixed(0)} ms a weight step, ${processor.toFixed(0)} of processor time${name === 'plain' ? '' : overhead}`,
    )
    trainer[Symbol.dispose]()
  }

  const growing = growingSpace(space, { grow: 'none' }, seeded(1))
  const learner = policyLearner(growing, seeded(1))
  const began = performance.now()
  for (let step = 0; step < count; step++)
    learner.update(learner.policy.sample(seeded(step)).genotype, seeded(step).float())
  results.push({ name: 'policy-step/controller', value: (1000 * count) / (performance.now() - began), unit: 'steps/s' })
  supernet[Symbol.dispose]()

  results.push(...(await memoryResults(log)))
  return { bench: 'supernet', results }
}

/** Tensors and bytes after the first and the last of many sampled architectures, on a small supernet. */
async function memoryResults(log: (line: string) => void): Promise<BenchResult[]> {
  const architectures = process.env.ARCHLOOM_SLOW ? 2000 : 100
  const space = cellSpace({ nodes: 4, channels: 2, cells: 3 })
  const supernet = cellSupernet<ReturnType<typeof space.decode>>(planCells(space.options, [8, 8, 3], 10), {
    operations: space.options.operations,
    rng: seeded(1),
  })
  using trainer = weightTrainer(supernet)
  const batch = (seed: number): Batch => {
    const rng = seeded(seed)
    const inputs = Float32Array.from({ length: 4 * 8 * 8 * 3 }, () => rng.normal())
    return { inputs: tf.tensor4d(inputs, [4, 8, 8, 3]), targets: tf.tensor1d([0, 1, 2, 3], 'int32') }
  }
  // Every option gets its momentum before the count begins: those slots are the optimizer's, and stay.
  const uniform = (seed: number) => space.decode(space.random(seeded(seed)))
  const velocities = async () => (await trainer.save()).tensors.length
  let before = { tensors: 0, bytes: 0, slots: 0 }
  const memory = async () => ({
    tensors: tf.memory().numTensors,
    bytes: tf.memory().numBytes,
    slots: await velocities(),
  })
  for (let k = 0; k < architectures; k++) {
    await trainer.step(uniform(k), batch(k), seeded(k))
    if (k === Math.floor(architectures / 2)) before = await memory()
  }
  const after = await memory()
  const grown = after.tensors - before.tensors - (after.slots - before.slots)
  log(
    `memory over ${architectures} architectures, second half: ${grown} tensors beyond new momenta (${after.tensors} in all)`,
  )
  supernet[Symbol.dispose]()
  return [
    { name: `memory/tensors-grown-over-${architectures}`, value: grown, unit: 'tensors' },
    {
      name: 'memory/bytes',
      value: after.bytes,
      unit: 'bytes',
      reference: 'half-way',
      ratio: before.bytes / after.bytes,
    },
  ]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
