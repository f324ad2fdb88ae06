/**
 * Enlarging 480×320 to 960×640 with the default compact network (96,844 parameters) on one thread, tile sizes against
 * each other; memory of tensors at 4K, against a small picture; training steps of examples/super-resolution.ts.
 *     ARCHLOOM_THREADS=1 npm run bench -- upscale [--rounds 5] [--engine onnxruntime] [--json]
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { type Picture, picture, upscaleBicubic } from '../../evaluators/data/images/index.ts'
import { upscaleTiled } from '../../evaluators/upscaling/index.ts'
import { buildCompactNetwork } from '../../search-spaces/super-resolution/index.ts'

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** Any bytes do: time does not depend on what is shown. */
function noise(height: number, width: number): Picture {
  const pixels = new Uint8Array(height * width * 3)
  for (let i = 0; i < pixels.length; i++) pixels[i] = (i * 2654435761) >>> 24
  return picture(height, width, 3, pixels)
}

/** Wall and processor seconds of some work: another program on the machine lengthens the first only. */
async function timed(work: () => Promise<unknown>): Promise<{ readonly wall: number; readonly processor: number }> {
  const [began, before] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: (performance.now() - began) / 1000, processor: (user + system) / 1e6 }
}

/** What an upscaling holds in tensors at its highest, in MB. */
async function peak(network: ReturnType<typeof buildCompactNetwork>, image: Picture, tile: number): Promise<number> {
  let most = 0
  const engine = tf.engine()
  const run = engine.runKernel
  // Every kernel passes through this door; tensors are most at one of them.
  engine.runKernel = ((...args: Parameters<typeof run>) => {
    const result = run.apply(engine, args)
    most = Math.max(most, tf.memory().numBytes)
    return result
  }) as typeof run
  try {
    await upscaleTiled({ network, reach: 4 }, image, { tile })
    return most / 1e6
  } finally {
    engine.runKernel = run
  }
}

export async function run({
  rounds = 5,
  engine = 'auto',
  log,
}: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const say = log as ((line: string) => void) | undefined
  const report = await useEngine(engine as string)
  const results: BenchResult[] = []
  using network = buildCompactNetwork({ scale: 2 }, { input: [24, 24, 3], rng: seeded('bench') })
  const image = noise(320, 480)
  let reference: number | undefined
  for (const tile of [512, 256, 160, 96]) {
    const walls: number[] = []
    const processors: number[] = []
    for (let round = 0; round <= (rounds as number); round++) {
      const { wall, processor } = await timed(() => upscaleTiled({ network, reach: 12 }, image, { tile }))
      // The first round prepares the engine.
      if (round > 0) [walls.push(wall), processors.push(processor)]
    }
    reference ??= median(processors)
    const ratio = reference / median(processors)
    results.push({ name: `480×320 ×2, tile ${tile}, wall`, value: median(walls), unit: 's' })
    results.push({
      name: `480×320 ×2, tile ${tile}, processor`,
      value: median(processors),
      unit: 's',
      reference: 'the whole picture at once',
      ratio,
    })
    say?.(`tile ${tile}: ${median(walls).toFixed(3)} s wall, ${median(processors).toFixed(3)} s of the processor`)
  }
  const bicubic = await timed(async () => upscaleBicubic(image, 2))
  results.push({ name: '480×320 ×2, bicubic in TypeScript, processor', value: bicubic.processor, unit: 's' })

  using small = buildCompactNetwork({ scale: 2, features: 8, blocks: 1 }, { input: [24, 24, 3], rng: seeded('bench') })
  const least = await peak(small, noise(256, 256), 256)
  const most = await peak(small, noise(2160, 3840), 256)
  results.push({ name: 'tensors, 256×256', value: least, unit: 'MB' })
  results.push({
    name: 'tensors, 3840×2160, tile 256',
    value: most,
    unit: 'MB',
    reference: '256×256',
    ratio: least / most,
  })
  return { bench: 'upscale', machine: { engine: report.name, threads: report.threads ?? 1 }, results }
}
