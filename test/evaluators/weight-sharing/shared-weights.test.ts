import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { evaluationContext } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { virtualClock } from '../../../core/clock.ts'
import { defineSpace, type Evaluator, oneOf } from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'
import { momentum, useEngine } from '../../../core/tensor/index.ts'
import type { Batch, LinearTap, Split } from '../../../core/trainer.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { accuracy } from '../../../evaluators/metrics/index.ts'
import {
  type CheckpointIdentity,
  decidingOf,
  rankSharedWeights,
  readCheckpoint,
  type SharedWeights,
  sharedSgd,
  sharedWeightsOf,
  tapping,
  type WeightSharingOptions,
  weightSharing,
  weightTrainer,
  writeCheckpoint,
} from '../../../evaluators/weight-sharing/index.ts'
import { type CellOperationName, cellSpace } from '../../../search-spaces/cell/index.ts'

const operations = ['sep_conv_3x3', 'skip_connect', 'max_pool_3x3'] as const satisfies readonly CellOperationName[]
const space = cellSpace({ nodes: 1, channels: 4, cells: 2, reductions: [1], operations })
type Architecture = ReturnType<typeof space.decode>
const data = generatedImages({ classes: 3, size: 8, train: 40, validation: 25, test: 10 })
const a = space.decode([0, 0, 1, 1, 0, 0, 1, 1])
const b = space.decode([1, 2, 1, 2, 1, 2, 1, 2])

beforeAll(async () => {
  await useEngine('wasm')
})

const shared = async (options: Partial<WeightSharingOptions> = {}) =>
  (await weightSharing({ data, batchSize: 10, engine: 'wasm', ...options }).create({
    space,
    rng: seeded(1),
    clock: virtualClock(),
  })) as SharedWeights<Architecture>
const batch = (split: Split = data.train, batchSize = 10) =>
  split.batches({ batchSize })[Symbol.iterator]().next().value as Batch
const valuesOf = (variables: readonly tf.Variable[]) => variables.map((variable) => [...variable.dataSync()])

describe('weight steps', () => {
  it('change only the weights on the path, and leak nothing', async () => {
    const evaluator = await shared()
    const { supernet } = evaluator
    using trainer = weightTrainer(supernet)
    await trainer.step(a, batch(), seeded(1))
    const onPath = new Set(supernet.path(a).trainable)
    const others = supernet.trainable.filter((variable) => !onPath.has(variable))
    const before = valuesOf(others)
    const ours = valuesOf([...onPath])
    const tensors = tf.memory().numTensors
    for (let i = 0; i < 3; i++) {
      const { loss, accuracy } = await trainer.step(a, batch(), seeded(i))
      expect(loss).toBeGreaterThan(0)
      expect(accuracy).toBeGreaterThanOrEqual(0)
    }
    expect(tf.memory().numTensors).toBe(tensors)
    expect(others.length).toBeGreaterThan(0)
    expect(valuesOf(others)).toEqual(before)
    expect(valuesOf([...onPath])).not.toEqual(ours)
    expect(trainer.steps).toBe(4)
    await evaluator[Symbol.asyncDispose]?.()
  })

  it('lower the loss of a path', async () => {
    await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
    using trainer = weightTrainer(evaluator.supernet, { optimizer: tapping(sharedSgd({ learningRate: 0.05 })) })
    const losses: number[] = []
    for (let i = 0; i < 25; i++) losses.push((await trainer.step(a, batch(), seeded(i))).loss)
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!)
  })

  it('show an optimizer with a tap the input of every linear layer of the path', async () => {
    await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
    const seen: string[] = []
    const tap = ({ kernel }: LinearTap) => seen.push(kernel.name)
    const plain = () => momentum({ learningRate: 0.01 })
    for (const optimizer of [() => ({ optimizer: plain(), tap }), tapping(() => Object.assign(plain(), { tap }))]) {
      seen.length = 0
      using trainer = weightTrainer(evaluator.supernet, { optimizer })
      await trainer.step(a, batch(), seeded(1))
      const kernels = evaluator.supernet.path(a).trainable.filter(({ rank }) => rank > 1)
      expect(new Set(seen)).toEqual(new Set(kernels.map(({ name }) => name)))
    }
  })

  it('a loss that is not finite: ARCHLOOM_WEIGHT_SHARING_DIVERGED, and no weight has changed', async () => {
    await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
    using trainer = weightTrainer(evaluator.supernet)
    const before = valuesOf(evaluator.supernet.trainable)
    const { inputs, targets } = batch()
    const broken = { inputs: tf.fill(inputs.shape, Number.NaN), targets }
    await expect(trainer.step(a, broken, seeded(1))).rejects.toThrow('ARCHLOOM_WEIGHT_SHARING_DIVERGED')
    inputs.dispose()
    expect(valuesOf(evaluator.supernet.trainable)).toEqual(before)
  })
})

describe('measuring', () => {
  it.each(['batch', 'recalibrated'] as const)(
    'with %s statistics leaves the weights bit-identical',
    async (statistics) => {
      const evaluator = await shared({ statistics })
      const before = valuesOf(evaluator.supernet.trainable)
      const tensors = tf.memory().numTensors
      const whole = await evaluator.measure(a)
      const one = await evaluator.measureBatch(b, batch(data.validation))
      expect(tf.memory().numTensors).toBe(tensors)
      expect(valuesOf(evaluator.supernet.trainable)).toEqual(before)
      expect(whole.examples).toBe(25)
      expect(one.examples).toBe(10)
      expect(await evaluator.measure(a)).toEqual(whole)
      await evaluator[Symbol.asyncDispose]?.()
      expect(tf.memory().numTensors).toBeLessThan(tensors)
    },
  )

  it('a last, smaller batch counts by its examples', async () => {
    await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
    let correct = 0
    for (const part of data.validation.batches({ batchSize: 10 })) {
      const { accuracy, examples } = await evaluator.measureBatch(a, part)
      correct += accuracy * examples
    }
    expect((await evaluator.measure(a)).accuracy).toBeCloseTo(correct / 25, 12)
  })

  it('recalibrated statistics are those of the training data on this very path', async () => {
    // One batch with the whole split: running statistics must equal the batch's, whatever was trained before.
    await using evaluator = (await shared({
      statistics: 'recalibrated',
      calibrationBatches: 1,
      batchSize: 40,
      data: { train: data.train, validation: data.train as unknown as Split<'validation'> },
    })) as SharedWeights<Architecture> & AsyncDisposable
    using trainer = weightTrainer(evaluator.supernet)
    for (let i = 0; i < 4; i++) await trainer.step(i % 2 ? a : b, batch(), seeded(i))
    const { accuracy: recalibrated } = await evaluator.measure(a)
    await using batchwise = (await shared({
      statistics: 'batch',
      batchSize: 40,
      data: { train: data.train, validation: data.train as unknown as Split<'validation'> },
    })) as SharedWeights<Architecture> & AsyncDisposable
    batchwise.supernet.load(await evaluator.supernet.save())
    const { accuracy: expected } = await batchwise.measure(a)
    expect(recalibrated).toBeCloseTo(expected, 1)
    expect(recalibrated).toBeCloseTo(await accuracy(evaluator.supernet.path(a), data.train), 12)
  })

  it('reports accuracy, loss, and the cost of a separate network', async () => {
    await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
    const { metrics } = await evaluator.evaluate(
      { trial: 0, genotype: [], architecture: a, seed: 1, fidelity: 1 },
      evaluationContext(),
    )
    const cost = space.cost(a, { input: [8, 8, 3], classes: 3 })
    expect(metrics).toMatchObject({ parameters: cost.parameters, multiplyAdds: cost.multiplyAdds })
    expect(metrics.accuracy).toBe((await evaluator.measure(a)).accuracy)
  })
})

it('the ranking sets shared weights beside multiply-adds, parameters and depth', async () => {
  await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
  const rng = seeded(4)
  const architectures = Array.from({ length: 6 }, () => space.decode(space.random(rng)))
  const reference = architectures.map((each) => space.cost(each, { input: [8, 8, 3], classes: 3 }).parameters)
  const report = await rankSharedWeights(evaluator, architectures, reference, {
    depth: (each) => (each.normal[0].left.op === 'sep_conv_3x3' ? 2 : 1),
  })
  expect(report.map(({ predictor }) => predictor)).toEqual(['shared weights', 'multiplyAdds', 'parameters', 'depth'])
  expect(report[2]).toMatchObject({ kendall: expect.closeTo(1, 12), spearman: expect.closeTo(1, 12) })
})

describe('bad input', () => {
  it('ARCHLOOM_OPTION', () => {
    const refused = (options: Partial<Record<keyof WeightSharingOptions, unknown>>) =>
      expect(() => weightSharing({ data, ...options } as WeightSharingOptions)).toThrow('ARCHLOOM_OPTION')
    refused({ data: {} })
    refused({ batchSize: 0 })
    refused({ statistics: 'running' })
    refused({ calibrationBatches: 1.5 })
  })

  it('ARCHLOOM_WEIGHT_SHARING_SUPERNET and ARCHLOOM_WEIGHT_SHARING_EVALUATOR', async () => {
    const bare = defineSpace('bare', oneOf(1, 2))
    const parts = { space: bare, rng: seeded(1), clock: virtualClock() }
    await expect(async () => weightSharing({ data }).create(parts)).rejects.toThrow('ARCHLOOM_WEIGHT_SHARING_SUPERNET')
    const table: Evaluator = { kind: 'tabular', name: 'a table', evaluate: async () => ({ metrics: {} }) }
    expect(() => sharedWeightsOf(table, 'a method')).toThrow('ARCHLOOM_WEIGHT_SHARING_EVALUATOR')
  })
})

describe('what decides a checkpoint', () => {
  it('is a declared list: options beside it may change from run to run', () => {
    const options = { epochs: 3, clipNorm: 5, reportEvery: 50 }
    const deciding = { epochs: true, clipNorm: true, reportEvery: false }
    expect(decidingOf(options, deciding)).toEqual({ epochs: 3, clipNorm: 5 })
    expect(decidingOf({ ...options, reportEvery: 1 }, deciding)).toEqual(decidingOf(options, deciding))
    expect(decidingOf({ ...options, epochs: 4 }, deciding)).not.toEqual(decidingOf(options, deciding))
    // @ts-expect-error A new option does not compile until its method says whether it decides.
    decidingOf({ ...options, fresh: 1 }, deciding)
  })
})

describe('checkpoints', () => {
  const identity: CheckpointIdentity = { method: 'm', space: space.fingerprint, spaceName: space.name, settings: '{}' }
  const inFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'archloom-checkpoint-'))
    try {
      await work(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  it('bring weights and optimizer back bit for bit, into another supernet', () =>
    inFolder(async (folder) => {
      await using first = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
      await using second = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
      using one = weightTrainer(first.supernet)
      using two = weightTrainer(second.supernet)
      for (let i = 0; i < 3; i++) await one.step(i % 2 ? a : b, batch(), seeded(i))
      expect(readCheckpoint(folder, identity)).toBeUndefined()
      const weights = await first.supernet.save()
      writeCheckpoint(folder, identity, { weights, optimizer: await one.save(), state: { place: 3 } })
      const found = readCheckpoint(folder, identity)
      expect(found?.state).toEqual({ place: 3 })
      second.supernet.load(found?.weights ?? [])
      await two.load(found?.optimizer as NonNullable<typeof found>['optimizer'])
      expect(two.steps).toBe(3)
      for (const [evaluator, trainer] of [[first, one] as const, [second, two] as const]) {
        await trainer.step(a, batch(), seeded(9))
        await trainer.step(b, batch(), seeded(9))
        expect(valuesOf(evaluator.supernet.trainable)).toEqual(valuesOf(first.supernet.trainable))
      }
    }))

  it('of another space, method, version or setting: ARCHLOOM_CHECKPOINT_OTHER; damaged: ARCHLOOM_CHECKPOINT_CORRUPT', () =>
    inFolder(async (folder) => {
      await using evaluator = (await shared()) as SharedWeights<Architecture> & AsyncDisposable
      const weights = await evaluator.supernet.save()
      const file = writeCheckpoint(folder, identity, { weights, optimizer: { steps: 0, tensors: [] }, state: null })
      for (const other of [{ space: 'x' }, { method: 'x' }, { settings: 'x' }])
        expect(() => readCheckpoint(folder, { ...identity, ...other })).toThrow('ARCHLOOM_CHECKPOINT_OTHER')
      const bytes = readFileSync(file)
      writeFileSync(file, Buffer.from(bytes.toString('latin1').replace(/"archloom":"[^"]/, '"archloom":"9'), 'latin1'))
      expect(() => readCheckpoint(folder, identity)).toThrow('ARCHLOOM_CHECKPOINT_OTHER')
      writeFileSync(file, bytes)
      truncateSync(file, bytes.length - 4)
      expect(() => readCheckpoint(folder, identity)).toThrow('ARCHLOOM_CHECKPOINT_CORRUPT')
      truncateSync(file, 40)
      expect(() => readCheckpoint(folder, identity)).toThrow('ARCHLOOM_CHECKPOINT_CORRUPT')
      writeFileSync(file, 'something else')
      expect(() => readCheckpoint(folder, identity)).toThrow('ARCHLOOM_CHECKPOINT_CORRUPT')
      writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(4)]))
      expect(() => readCheckpoint(folder, identity)).toThrow('ARCHLOOM_CHECKPOINT_CORRUPT')
      // Parts of the header that are not there.
      for (const part of ['"weights":', '"optimizer":', '"steps":', '"state":']) {
        const spoilt = bytes.toString('latin1').replace(part, `"${'x'.repeat(part.length - 3)}":`)
        writeFileSync(file, Buffer.from(spoilt, 'latin1'))
        expect(() => readCheckpoint(folder, identity), part).toThrow('ARCHLOOM_CHECKPOINT_CORRUPT')
      }
      const settings = (value: object) => ({ ...identity, settings: JSON.stringify(value) })
      writeCheckpoint(folder, settings({ a: 1, b: 2 }), { weights, optimizer: { steps: 0, tensors: [] }, state: null })
      expect(() => readCheckpoint(folder, settings({ a: 1, b: 3 }))).toThrow('the setting b 2; expected 3')
    }))
})
