// Dual regression: the same network is trained with and without the closed loop, then a network of the
// super-resolution space with the same trainer. It uses ×4 on T91 or on generated scenes, and takes about two minutes.
//     npx archloom run examples/drn.ts --steps 300
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { type PatchDataset, superResolutionData, upscaleBicubic, writePicture } from 'archloom/evaluators/data/images'
import { upscaled, upscalingQuality } from 'archloom/evaluators/metrics'
import { saveUpscaler, sideBySide } from 'archloom/evaluators/upscaling'
import { bicubicDuals, buildDrn, type DualRegressionOptions, dualRegressionTrainer } from 'archloom/plugins/drn'
import { type ScopedUpscalingNetwork, superResolutionSpace } from 'archloom/search-spaces/super-resolution'
import { useEngine } from 'archloom/tensor'

export const flags = {
  steps: { type: 'number', describe: 'training steps of each network; default 300' },
  out: { type: 'string', describe: 'folder of the trained model and its picture; default models/drn' },
  engine: { type: 'string', describe: 'tensor engine; default the best one here (see archloom doctor)' },
} as const

interface Options {
  readonly steps?: number
  readonly out?: string
  readonly engine?: string
  readonly data?: PatchDataset
  readonly log?: (text: string) => void
}

const scale = 4

export async function main({ steps = 300, out = join('models', 'drn'), engine = 'auto', ...rest }: Options = {}) {
  const { log = console.log } = rest
  await useEngine(engine)
  const batchSize = 8
  const data = rest.data ?? (await superResolutionData({ scale, patch: 12, patches: 20 * batchSize }))
  for (const note of [data.name, ...(data.notes ?? [])]) log(note)
  const input = data.train.inputShape

  const train = async (network: ScopedUpscalingNetwork, options: DualRegressionOptions) => {
    const trainer = dualRegressionTrainer({ batchSize, learningRate: 3e-3, dualLearningRate: 1e-2, ...options })
    const epochs = (steps * batchSize) / data.train.size
    for await (const _ of trainer.fit(network, data.train, { epochs, rng: seeded('batches') }));
    return upscalingQuality((lr) => network.upscale(lr, { training: false }), data.test.pairs)
  }
  const results: Record<string, { readonly psnr: number; readonly lrConsistency: number }> = {}
  const note = (name: string, { psnr, lrConsistency }: { psnr: number; lrConsistency: number }) => {
    results[name] = { psnr, lrConsistency }
    log(`${name.padEnd(34)} PSNR ${psnr.toFixed(2)} dB, LR-consistency ${lrConsistency.toFixed(2)} dB`)
  }

  // The true degradation works best in the loop; if it is not known, it is learned.
  const drn = { scale, features: 4, blocks: 1, shortcut: 'bicubic' } as const
  for (const [name, options] of Object.entries({
    'without the loop': { dualWeight: 0 },
    'loop with learnt duals': { dualWeight: 0.1 },
    'loop with the true degradation': { dualWeight: 1, duals: bicubicDuals(scale) },
  })) {
    using network = buildDrn({ ...drn, input, rng: seeded('drn') })
    note(name, await train(network, options))
    if (!options.dualWeight) continue
    await saveUpscaler(out, network, { kind: 'drn', options: drn, notes: { steps, ...results[name] } })
    const [first] = data.test.pairs
    if (!first) continue
    const after = await upscaled((lr) => network.upscale(lr, { training: false }), first.lr)
    const row = sideBySide([upscaleBicubic(first.lr, scale), after, first.hr])
    await writePicture(join(out, 'bicubic-network-truth.png'), row)
  }

  const space = superResolutionSpace({ scale, cells: 2, channels: 8, shortcut: 'bicubic' })
  const architecture = space.decode(space.random(seeded('architecture')))
  using searched = space.build(architecture, { input, classes: 0, rng: seeded('weights') })
  note('a network of the space, with loop', await train(searched, { dualWeight: 0.1, learningRate: 1e-3 }))
  return { model: out, results }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
