import { type Dataset, seeded } from 'archloom'
import { supervisedTrainer } from 'archloom/evaluators/training'
import { currentGraph, graphNetwork, resNetGraph } from 'archloom/search-spaces/compression'
import { useEngine } from 'archloom/tensor'

/** Stands for a model of yours: a residual network of eight layers. */
export async function trainedModel(data: Dataset) {
  await useEngine()
  using network = graphNetwork(resNetGraph({ depth: 8, widths: [8, 16, 16], size: 16, classes: 4, rng: seeded(1) }))
  for await (const _ of supervisedTrainer({ batchSize: 32 }).fit(network, data.train, { epochs: 4, rng: seeded(2) }));
  return await currentGraph(network)
}
