import type { Random } from '../../core/index.ts'
import { optionError } from '../../core/options/index.ts'
import type { Batch, BatchOptions, Split } from '../../core/trainer.ts'
import { type ImageSplit, imageSplit } from '../../evaluators/data/index.ts'

/**
 * The same examples in biased batches: each batch holds only a few classes, which are drawn for every batch; examples
 * of a class are drawn with replacement. An epoch has as many batches as before. Error: ARCHLOOM_OPTION.
 */
export function classBiased(split: ImageSplit<'train'>, classesPerBatch = 2): Split<'train'> {
  const { images, indices, normalisation } = split
  const examples = Array.from({ length: split.classes }, (_, label) =>
    indices.filter((i) => images.labels[i] === label),
  )
  const present = examples.flatMap((members, label) => (members.length > 0 ? [label] : []))
  if (!(Number.isInteger(classesPerBatch) && classesPerBatch >= 1 && classesPerBatch <= present.length))
    throw optionError(
      'mbn',
      'classesPerBatch',
      classesPerBatch,
      `an integer from 1 to ${present.length}, the classes that have examples`,
    )
  const orderOf = (rng: Random, batchSize: number): Int32Array => {
    const order = new Int32Array(Math.floor(indices.length / batchSize) * batchSize)
    for (let start = 0; start < order.length; start += batchSize) {
      const chosen = rng.shuffle(present).slice(0, classesPerBatch)
      for (let i = start; i < start + batchSize; i++) {
        const members = examples[rng.pick(chosen)] as Int32Array
        order[i] = members[rng.int(members.length)] as number
      }
    }
    return order
  }
  return {
    role: 'train',
    size: split.size,
    inputShape: split.inputShape,
    classes: split.classes,
    batches(options: BatchOptions): Iterable<Batch> {
      if (!options.rng) return split.batches(options)
      const order = orderOf(options.rng.fork(`biased ${options.rng.tensorSeed()}`), options.batchSize)
      return imageSplit('train', images, { indices: order, normalisation }).batches({ batchSize: options.batchSize })
    },
  }
}
