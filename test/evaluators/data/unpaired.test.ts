import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { appleOrange, pointSplit, readFrames, rings, unpairedFolders, unpairedSplit } from 'archloom/evaluators/data'
import { encodePicture, picture } from 'archloom/evaluators/data/images'
import { countTensors, useEngine } from 'archloom/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { itWithData } from '../../conditional-suites.ts'

await useEngine('cpu')

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'archloom-unpaired-'))
})
afterAll(() => rmSync(root, { recursive: true }))

async function folder(name: string, sizes: Readonly<Record<string, readonly (readonly [number, number])[]>>) {
  const path = join(root, name)
  for (const [part, images] of Object.entries(sizes)) {
    mkdirSync(join(path, part), { recursive: true })
    for (const [i, [height, width]] of images.entries()) {
      const pixels = new Uint8Array(height * width * 3).fill(i)
      writeFileSync(join(path, part, `image_${i}.png`), await encodePicture(picture(height, width, 3, pixels)))
    }
  }
  return path
}
const square = (n: number) => Array.from({ length: n }, () => [4, 4] as const)

describe('unpaired splits', () => {
  const points = (count: number, seed: number) => pointSplit('train', rings().draw(count, seeded(seed)))

  it('cover the larger domain once and repeat the smaller one, each domain in its own order', async () => {
    const split = unpairedSplit('train', points(10, 1), points(4, 2))
    expect(split).toMatchObject({ size: 10, inputShape: [2], targetShape: [2], classes: 0 })
    const seen = () => {
      const [first, second] = [new Set<number>(), new Map<number, number>()]
      for (const { inputs, targets } of split.batches({ batchSize: 2, rng: seeded(3) })) {
        expect([inputs.shape, targets.shape]).toEqual([
          [2, 2],
          [2, 2],
        ])
        for (const [x = 0] of inputs.arraySync() as number[][]) first.add(x)
        for (const [y = 0] of targets.arraySync() as number[][]) second.set(y, (second.get(y) ?? 0) + 1)
        tf.dispose([inputs, targets])
      }
      return { first: [...first], second: [...second] }
    }
    const { first, second } = seen()
    expect(first).toHaveLength(10)
    expect(second).toHaveLength(4)
    expect(second.map(([, times]) => times).sort()).toEqual([2, 2, 3, 3])
    expect(seen()).toEqual({ first, second })
    expect(await countTensors(() => void seen())).toEqual({ tensors: 0, buffers: 0 })
  })

  it('give a domain that is smaller than a batch whole', () => {
    const split = unpairedSplit('train', points(6, 1), points(2, 2))
    const shapes = [...split.batches({ batchSize: 4, dropRemainder: true })].map(({ inputs, targets }) => {
      const shape = [inputs.shape[0], targets.shape[0]]
      tf.dispose([inputs, targets])
      return shape
    })
    expect(shapes).toEqual([[4, 2]])
  })

  it('refuse an empty domain and a batch of nothing', () => {
    const empty = { ...points(1, 1), size: 0 }
    expect(() => unpairedSplit('train', points(3, 1), empty)).toThrow(/ARCHLOOM_SPLIT_SIZE.*domain y/)
    const split = unpairedSplit('train', points(3, 1), points(3, 2))
    expect(() => [...split.batches({ batchSize: 0 })]).toThrow(/ARCHLOOM_BATCH_SIZE/)
  })
})

describe('folders of two domains', () => {
  it('are read as CycleGAN lays them out, in [−1, 1]', async () => {
    const path = await folder('whole', { trainA: square(5), trainB: square(3), testA: square(2), testB: square(1) })
    const { train, validation, test, name } = await unpairedFolders(path)
    expect(name).toBe('whole')
    expect([train.x.size, validation.x.size, test.x.size]).toEqual([4, 1, 2])
    expect([train.y.size, validation.y.size, test.y.size]).toEqual([2, 1, 1])
    const [batch] = [...test.batches({ batchSize: 2 })]
    const values = [...(batch?.inputs.dataSync() ?? [])]
    expect(Math.min(...values)).toBe(-1)
    expect(Math.max(...values)).toBeCloseTo(2 / 255 - 1, 5)
    tf.dispose([batch?.inputs, batch?.targets] as tf.Tensor[])
  })

  it('may lack test folders, and may be of two sizes', async () => {
    const path = await folder('no-test', { trainA: square(20), trainB: Array.from({ length: 10 }, () => [8, 8]) })
    const { train, test } = await unpairedFolders(path)
    expect([test.x.size, test.y.size]).toEqual([2, 1])
    expect([train.inputShape, train.targetShape]).toEqual([
      [4, 4, 3],
      [8, 8, 3],
    ])
  })

  it('say what is wrong with them', async () => {
    const empty = await folder('empty', { trainA: square(3), trainB: [] })
    await expect(unpairedFolders(empty)).rejects.toThrow(/ARCHLOOM_IMAGE_FOLDER_EMPTY.*trainB/)
    const odd = await folder('odd', {
      trainA: [
        [4, 4],
        [5, 4],
      ],
      trainB: square(3),
    })
    await expect(unpairedFolders(odd)).rejects.toThrow(/ARCHLOOM_IMAGE_SIZE/)
    await expect(unpairedFolders(odd, { resize: { height: 2, width: 2 } })).rejects.toThrow(/ARCHLOOM_DATA_SHAPE.*test/)
    await expect(unpairedFolders(join(root, 'nowhere'))).rejects.toThrow(/ARCHLOOM_DATA_FILE_MISSING/)
  })
})

itWithData('apples and oranges are read where they are', ['cifar100-apple-orange'], async () => {
  const { train, test, validation } = await appleOrange()
  expect([train.x.size + validation.x.size, test.x.size, test.y.size]).toEqual([500, 100, 100])
  expect(train.inputShape).toEqual([32, 32, 3])
})

it('apples and oranges that are not there are ARCHLOOM_DATA_SET_NOT_FOUND', async () => {
  await expect(appleOrange({ environment: { ARCHLOOM_DATA: root } })).rejects.toThrow(/ARCHLOOM_DATA_SET_NOT_FOUND/)
  await expect(appleOrange({ environment: {} })).rejects.toThrow(/ARCHLOOM_DATA_SET_NOT_FOUND/)
})

describe('frames', () => {
  it('come in the order of their numbers, resized on request', async () => {
    const path = await folder('film', { frames: Array.from({ length: 12 }, () => [6, 8]) })
    const frames = await readFrames(join(path, 'frames'))
    expect(frames.map(({ pixels }) => pixels[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    const [small] = await readFrames(join(path, 'frames'), { limit: 1, resize: { height: 3, width: 4 } })
    expect(small).toMatchObject({ height: 3, width: 4, channels: 3 })
  })

  it('an empty folder is ARCHLOOM_PICTURE_FOLDER_EMPTY, a film of two sizes ARCHLOOM_IMAGE_SIZE', async () => {
    const path = await folder('films', {
      none: [],
      odd: [
        [4, 4],
        [4, 6],
      ],
    })
    await expect(readFrames(join(path, 'none'))).rejects.toThrow(/ARCHLOOM_PICTURE_FOLDER_EMPTY/)
    await expect(readFrames(join(path, 'odd'))).rejects.toThrow(/ARCHLOOM_IMAGE_SIZE/)
  })
})
