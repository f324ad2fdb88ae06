import { expectTypeOf, test } from 'vitest'
import type { Random } from '../../../core/random.ts'
import type { Dataset, Network, Split } from '../../../core/trainer.ts'
import { holdOut, type ImageDataset, prefix, subset, withAugmentation } from '../../../evaluators/data/index.ts'
import { accuracy } from '../../../evaluators/metrics/index.ts'

declare const data: ImageDataset
declare const rng: Random
declare const network: Network
declare function select(split: Split<'train' | 'validation'>): void
declare function train(split: Split<'train'>): void

test('the test split cannot be passed where selection or training happens', () => {
  select(data.train)
  select(data.validation)
  // @ts-expect-error: selecting on the test set
  select(data.test)
  // @ts-expect-error: training on the test set
  train(data.test)
  // @ts-expect-error: training on the validation set
  train(data.validation)
})

test('no detour turns a test split into another', () => {
  // @ts-expect-error: a part of the test set is still the test set
  select(prefix(data.test, 10))
  // @ts-expect-error: so is a random part
  select(subset(data.test, 10, rng))
  // @ts-expect-error: the brand survives a copy that lies about its role
  select({ ...data.test, role: 'validation' as const })
  // @ts-expect-error: a split of unknown role may be the test set
  select(data.test as Split)
  // @ts-expect-error: hold-out is from training examples
  holdOut(data.test, 10, rng)
  // @ts-expect-error: only training images are augmented
  withAugmentation(data.validation, { flip: true })
  // @ts-expect-error: a data set whose test part stands in for validation
  const swapped: Dataset = { ...data, validation: data.test }
  void swapped
})

test('roles are kept by the functions on splits', () => {
  expectTypeOf(prefix(data.train, 10).role).toEqualTypeOf<'train'>()
  expectTypeOf(subset(data.validation, 10, rng).role).toEqualTypeOf<'validation'>()
  expectTypeOf(holdOut(data.train, 10, rng).validation.role).toEqualTypeOf<'validation'>()
  expectTypeOf(data).toExtend<Dataset>()
})

test('measuring is allowed on every split', () => {
  expectTypeOf(accuracy(network, data.test)).toEqualTypeOf<Promise<number>>()
})
