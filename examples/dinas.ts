// Architectures that share weights, trained one after the other: how much the later ones disturb the earlier ones,
// with plain gradient descent and with updates that avoid protected inputs.
//     npx archloom run examples/dinas.ts
import { fileURLToPath } from 'node:url'
import { type Dataset, seeded } from 'archloom'
import { cifar10, describeDataset, orGenerated } from 'archloom/evaluators/data'
import { measureSplit, sharedSgd, tapping, weightTrainer } from 'archloom/evaluators/weight-sharing'
import { ProjectedOptimizer, projected } from 'archloom/plugins/dinas'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { useEngine } from 'archloom/tensor'

interface Options {
  /** Default: CIFAR-10, or generated images if it is not available. */
  readonly data?: Dataset
  readonly examples?: number
  /** Steps of each architecture. */
  readonly steps?: number
  readonly channels?: number
  readonly log?: (text: string) => void
}

export async function main(options: Options = {}) {
  const { examples = 2000, steps = 60, channels = 8, log = console.log } = options
  const validation = Math.round(examples / 4)
  const data =
    options.data ??
    (await orGenerated(() => cifar10({ trainSize: examples, validation, testSize: validation }), {
      train: examples,
      validation,
      test: validation,
    }))
  log(describeDataset(data))
  await useEngine()
  const space = nasBench201Space({ channels, cells: 1 })
  const own = sharedSgd({ learningRate: 0.05 })
  const kinds = {
    plain: own,
    projected: projected(own, { alpha: 0.1, protectEvery: 0, releaseEvery: 0 }),
  }

  const results: Record<string, { drop: number; learnt: number; freedom: number }> = {}
  for (const [name, optimizer] of Object.entries(kinds)) {
    const rng = seeded(1)
    const input = { input: data.train.inputShape, classes: data.train.classes, rng: rng.fork('weights') }
    using supernet = space.supernet?.(input) as ReturnType<NonNullable<typeof space.supernet>>
    using trainer = weightTrainer(supernet, { optimizer: tapping(optimizer) })
    const order = rng.fork('order')
    const batch = () => {
      for (const each of data.train.batches({ batchSize: 32, rng: order })) return each
      throw new Error('the data set has no training examples')
    }
    // Three architectures that share most of their operations.
    const architectures = [
      [3, 1, 3, 1, 3, 1],
      [3, 1, 2, 1, 3, 1],
      [3, 1, 3, 1, 2, 3],
    ].map((genotype) => space.decode(genotype))
    const measure = async (index: number) =>
      (
        await measureSplit(supernet.path(architectures[index] as (typeof architectures)[0]), data.validation, {
          batchSize: 64,
          training: true,
        })
      ).accuracy

    const learnt: number[] = []
    for (const [index, architecture] of architectures.entries()) {
      for (let step = 0; step < steps; step++) await trainer.step(architecture, batch(), rng)
      learnt.push(await measure(index))
      // Protects the inputs of this architecture's operations from the next architectures.
      if (trainer.optimizer instanceof ProjectedOptimizer) {
        const { inputs, targets } = batch()
        trainer.optimizer.protect((tap) => supernet.path(architecture).apply(inputs, { training: true, tap }))
        inputs.dispose()
        targets.dispose()
      }
    }
    let drop = 0
    for (const index of [0, 1]) drop += (learnt[index]! - (await measure(index))) / 2
    const freedom = trainer.optimizer instanceof ProjectedOptimizer ? trainer.optimizer.metrics().freedom : 1
    results[name] = { drop, learnt: learnt.reduce((sum, x) => sum + x, 0) / learnt.length, freedom }
    log(
      `${name}: learnt ${(100 * results[name].learnt).toFixed(1)} %, earlier ones lost ${(100 * drop).toFixed(1)} points, trace(P)/d ${freedom.toFixed(2)}`,
    )
  }
  return results
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
