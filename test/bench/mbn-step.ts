/**
 * A training step with memorized batch normalisation and Double-Forward against its passes measured alone: the loss with
 * its gradients, and the second forward pass. The step adds the optimizer's update and the reading of the loss. Beside
 * it, for comparison, the step of batch normalisation.   npm run bench -- mbn-step [--steps 30] [--batch 16] [--json]
 */
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/random.ts'
import {
  batchNorm,
  momentum,
  type Normalisation,
  softmaxCrossEntropy,
  trainStep,
  useEngine,
} from '../../core/tensor/index.ts'
import { imageSplit, labelledImages } from '../../evaluators/data/index.ts'
import { smallConvNet } from '../../plugins/mbn/accuracy-experiment.ts'
import { doubleForwardStep, memorizedBatchNorm, refreshMemory } from '../../plugins/mbn/index.ts'
import { median, ratioOfParts, timed } from './step-parts/turns.ts'

export interface MbnStepBenchOptions {
  /** Timed rounds. */
  readonly steps?: number
  readonly batch?: number
  readonly engine?: string
  readonly log?: (line: string) => void
}

/** Labelled noise of CIFAR's shape: the time of a step does not depend on what is seen. */
function noise(count: number) {
  const rng = seeded(1)
  const pixels = Uint8Array.from({ length: count * 32 * 32 * 3 }, () => rng.int(256))
  const labels = Int32Array.from({ length: count }, () => rng.int(10))
  return imageSplit('train', labelledImages({ height: 32, width: 32, channels: 3, classes: 10, pixels, labels }))
}

export async function run(options: MbnStepBenchOptions = {}): Promise<Bench> {
  const { log = () => {} } = options
  const [rounds, size] = [Number(options.steps ?? 30), Number(options.batch ?? 16)]
  const engine = await useEngine(options.engine ?? 'auto')
  const train = noise(size)
  const [batch] = train.batches({ batchSize: size })
  if (!batch) throw new Error('no batch')
  const prepared = (normalisation: Normalisation) => {
    const network = smallConvNet({ train }, normalisation, [16, 32, 64], 1)
    const optimizer = momentum({ learningRate: 1e-4 })
    const mode = { training: true }
    const loss = () => softmaxCrossEntropy(network.apply(batch.inputs, mode), batch.targets)
    const variables = [...network.trainable]
    const step = () => trainStep({ variables, optimizer, loss }).loss
    return { network, optimizer, mode, loss, variables, step }
  }
  const mbn = prepared(memorizedBatchNorm({ batches: 20, decay: 0.95 }))
  const bn = prepared(batchNorm)
  const found = timed(
    [
      { name: 'step', run: () => void doubleForwardStep(mbn.step, { network: mbn.network, batch, mode: mbn.mode }) },
      { name: 'gradients', run: () => tf.tidy(() => void tf.variableGrads(mbn.loss, mbn.variables)) },
      { name: 'second forward', run: () => refreshMemory(mbn.network, batch.inputs) },
      { name: 'batch normalisation', run: () => void bn.step() },
    ],
    rounds,
  )
  const ms = (part: string) => median(found[part] ?? [])
  const ratio = ratioOfParts(found, 'step', ['gradients', 'second forward'])
  const against = ratioOfParts(found, 'step', ['batch normalisation'])
  log(
    `engine ${engine.name}, batch ${size}: step ${ms('step').toFixed(1)} ms; gradients alone ${ms('gradients').toFixed(1)}, second forward alone ${ms('second forward').toFixed(1)}; step / passes ${(1 / ratio).toFixed(2)}; batch normalisation ${ms('batch normalisation').toFixed(1)}`,
  )
  for (const { network, optimizer } of [mbn, bn]) {
    network[Symbol.dispose]()
    optimizer.dispose()
  }
  tf.dispose([batch.inputs, batch.targets])
  return {
    bench: 'mbn-step',
    results: [
      { name: 'mbn/step', value: ms('step'), unit: 'ms', reference: 'passes alone', ratio },
      { name: 'mbn/step', value: ms('step'), unit: 'ms', reference: 'batch normalisation/step', ratio: against },
    ],
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
