import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'
import { countTensors, useEngine } from '../../../../core/tensor/index.ts'
import {
  crop,
  downscaleBicubic,
  drawScene,
  encodePicture,
  findPairs,
  fromTensor,
  generatedPairs,
  holdOutPairs,
  type PatchBatch,
  pairOf,
  patchDataset,
  patchSplit,
  picturePair,
  readPairs,
  superResolutionData,
  symmetries,
  toTensor,
  transformed,
  writePicture,
} from '../../../../evaluators/data/images/index.ts'
import { temporaryFolder } from '../files.ts'

beforeAll(async () => {
  await useEngine('cpu')
})

const disposed = (batch: PatchBatch) => tf.dispose([batch.inputs, batch.targets, ...batch.between])
const large = drawScene(33, 41, seeded('pair'))

describe('pairs', () => {
  it('hold the small image, the large one cut to size, and the sizes in between', () => {
    const pair = pairOf('a', large, 8)
    expect([pair.hr.height, pair.hr.width, pair.lr.height, pair.lr.width]).toEqual([32, 40, 4, 5])
    expect(pair.between.map(({ height }) => height)).toEqual([8, 16])
    expect(pair.between[0]).toEqual(downscaleBicubic(pair.hr, 4))
    expect(pairOf('b', large, 3).between).toEqual([])
    expect(pairOf('c', large, 2).between).toEqual([])
    expect(() => picturePair('d', large, large, 2)).toThrow('ARCHLOOM_PAIR_SIZES')
  })

  it('are read from folders, small images made where they are missing', async () => {
    const folder = await temporaryFolder()
    for (const name of ['a', 'b']) await writePicture(join(folder, 'HR', `${name}.png`), large)
    const made = await readPairs(folder, { scale: 4 })
    expect(made.notes[0]).toMatch(
      /^2 images in .*: no low-resolution image at ×4, so it was made by bicubic shrinking$/,
    )
    const own = drawScene(8, 10, seeded('own'))
    await writePicture(join(folder, 'LR_bicubic', 'X4', 'ax4.png'), own)
    const read = await readPairs(folder, { scale: 4 })
    expect(read.pairs.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(read.pairs[0]?.lr.pixels).toEqual(own.pixels)
    expect(read.pairs[1]).toEqual(made.pairs[1])
    expect((await readPairs(folder, { scale: 4, limit: 1 })).pairs.length).toBe(1)
    expect((await readPairs(join(folder, 'HR'), { scale: 2 })).pairs.length).toBe(2)

    await writePicture(join(folder, 'LR_bicubic', 'X4', 'bx4.png'), drawScene(9, 10, seeded('odd')))
    await expect(readPairs(folder, { scale: 4 })).rejects.toThrow('ARCHLOOM_PAIR_SIZES')
    await rm(join(folder, 'HR', 'b.png'))
    await expect(readPairs(folder, { scale: 4 })).rejects.toThrow('ARCHLOOM_PAIR_WITHOUT_HR')
    await rm(join(folder, 'HR'), { recursive: true })
    await expect(readPairs(folder, { scale: 4 })).rejects.toThrow('ARCHLOOM_PAIR_WITHOUT_HR')
  })

  it('are set apart by seed', () => {
    const pairs = generatedPairs(6, { scale: 2, size: 16 })
    const once = holdOutPairs(pairs, 2, seeded(1))
    expect(once.validation.length).toBe(2)
    expect(new Set([...once.train, ...once.validation])).toEqual(new Set(pairs))
    expect(holdOutPairs(pairs, 2, seeded(1))).toEqual(once)
    expect(() => holdOutPairs(pairs, 6, seeded(1))).toThrow('ARCHLOOM_OPTION')
    expect(() => generatedPairs(0, { scale: 2 })).toThrow('ARCHLOOM_OPTION')
    expect(generatedPairs(1, { scale: 2, size: 16 })[0]).toEqual(pairs[0])
  })
})

describe('patches', () => {
  const pair = pairOf('a', large, 4)

  it('are aligned parts of their pair in one of eight symmetries, at every size', async () => {
    const split = patchSplit('train', [pair], { patch: 4, patches: 40 })
    expect([split.size, split.inputShape, split.classes]).toEqual([40, [4, 4, 3], 0])
    const key = (pixels: Iterable<number>) => [...pixels].join()
    const known = new Map<string, { at: string; levels: readonly string[] }>()
    for (let top = 0; top <= pair.lr.height - 4; top++)
      for (let left = 0; left <= pair.lr.width - 4; left++)
        for (const [s, symmetry] of symmetries.entries()) {
          const levels = [pair.lr, ...pair.between, pair.hr].map((image, level) => {
            const factor = 2 ** level
            return key(transformed(crop(image, top * factor, left * factor, 4 * factor, 4 * factor), symmetry).pixels)
          })
          known.set(levels[0] as string, { at: `${top},${left},${s}`, levels })
        }
    const seen = new Set<string>()
    for (const batch of split.batches({ batchSize: 16, rng: seeded(3) })) {
      const tensors = [batch.inputs, ...batch.between, batch.targets]
      const values = tensors.map((tensor) => tensor.dataSync())
      const n = batch.inputs.shape[0] as number
      for (let i = 0; i < n; i++) {
        const levels = values.map((level) => key(level.slice((i * level.length) / n, ((i + 1) * level.length) / n)))
        const found = known.get(levels[0] as string)
        expect(levels).toEqual(found?.levels)
        seen.add(found?.at as string)
      }
      disposed(batch)
    }
    expect(seen.size).toBeGreaterThan(20)
  })

  it('come again with the same seed, and without one always, unturned', async () => {
    const split = patchSplit('validation', [pair, pair], { patch: 3, patches: 5 })
    const first = (rng?: ReturnType<typeof seeded>) => {
      const [batch] = split.batches({ batchSize: 5, ...(rng && { rng }) })
      const values = [...(batch as PatchBatch).inputs.dataSync()]
      disposed(batch as PatchBatch)
      return values
    }
    expect(first(seeded(1))).toEqual(first(seeded(1)))
    expect(first(seeded(1))).not.toEqual(first(seeded(2)))
    expect(first()).toEqual(first())
    const sizes = (dropRemainder: boolean) =>
      [...split.batches({ batchSize: 2, dropRemainder })].map((batch) => {
        disposed(batch)
        return batch.inputs.shape[0]
      })
    expect(sizes(false)).toEqual([2, 2, 1])
    expect(sizes(true)).toEqual([2, 2])
  })

  it('leave no tensor, and refuse what cannot be cut', async () => {
    const split = patchSplit('train', [pair], { patch: 2, patches: 4 })
    const used = async () => {
      for (const batch of split.batches({ batchSize: 2, rng: seeded(1) })) disposed(batch)
    }
    expect(await countTensors(used)).toEqual({ tensors: 0, buffers: 0 })
    expect(() => patchSplit('train', [pair], { patch: 9 })).toThrow('ARCHLOOM_PAIR_TOO_SMALL')
    expect(() => patchSplit('train', [], { patch: 2 })).toThrow('ARCHLOOM_OPTION')
    expect(() => patchSplit('train', [pair, pairOf('b', large, 2)], { patch: 2 })).toThrow('ARCHLOOM_OPTION')
    expect(() => split.batches({ batchSize: 0 })).toThrow('ARCHLOOM_OPTION')
  })

  it('make a data set of three parts', async () => {
    const pairs = generatedPairs(10, { scale: 2, size: 24 })
    const own = patchDataset({ name: 'scenes', train: pairs, test: pairs.slice(0, 1), patch: 6 })
    expect([own.train.pairs.length, own.validation.pairs.length, own.test.pairs.length]).toEqual([9, 1, 1])
    expect([own.train.role, own.validation.role, own.test.role]).toEqual(['train', 'validation', 'test'])
    const generated = await superResolutionData({ scale: 2, patch: 8, environment: {}, generated: 4 })
    expect([generated.source, generated.train.pairs.length, generated.test.pairs.length]).toEqual(['generated', 3, 5])
    expect(generated.notes?.[0]).toContain('generated')
  })

  it('find their sets under ARCHLOOM_DATA', async () => {
    const root = await temporaryFolder()
    for (const [set, n] of [
      ['T91', 4],
      ['Set5', 1],
    ] as const)
      for (let i = 0; i < n; i++)
        await writePicture(join(root, 'sr', set, 'HR', `${i}.png`), drawScene(16, 16 + 2 * i, seeded(i)))
    await writePicture(join(root, 'sr', 'T91', 'HR', 'small.png'), drawScene(6, 6, seeded(9)))
    const environment = { ARCHLOOM_DATA: root }
    const found = await superResolutionData({ scale: 2, patch: 8, environment })
    expect([found.source, found.train.pairs.length, found.validation.pairs.length]).toEqual(['archloom-data', 3, 1])
    expect(found.notes?.join()).toContain('1 images of T91 are smaller than a patch and were left out')
    expect(await findPairs('Urban100', { scale: 2, environment })).toBeUndefined()
    expect(await findPairs('T91', { scale: 2, environment: {} })).toBeUndefined()
    await mkdir(join(root, 'sr', 'Set14'))
    await expect(findPairs('Set14', { scale: 2, environment })).rejects.toThrow('ARCHLOOM_PICTURE_FOLDER_EMPTY')
  })

  it('and pictures turn into tensors and back', async () => {
    const image = drawScene(3, 4, seeded(1))
    const x = toTensor(image)
    expect(await fromTensor(x)).toEqual(image)
    const shifted = tf.tidy(() => tf.add(tf.mul(x, 0), tf.tensor1d([-5, 300, 1.6])))
    expect([...(await fromTensor(shifted)).pixels.slice(0, 3)]).toEqual([0, 255, 2])
    const flat = tf.tidy(() => tf.reshape(x, [3, 4, 3]))
    await expect(fromTensor(flat)).rejects.toThrow('ARCHLOOM_PICTURE_PIXELS')
    tf.dispose([x, shifted, flat])
    expect((await encodePicture(image)).length).toBeGreaterThan(50)
  })
})
