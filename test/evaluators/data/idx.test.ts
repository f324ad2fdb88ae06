import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readIdx, readIdxImages, readIdxLabels } from '../../../evaluators/data/index.ts'
import { counting, idxBytes, temporaryFile } from './files.ts'

const images = (count: number) => idxBytes(0x803, [count, 2, 3], counting(count * 6))
const labels = (...values: number[]) => idxBytes(0x801, [values.length], values)

test('images and labels are read, plain or packed', async () => {
  const plain = await temporaryFile('images', images(2))
  const packed = await temporaryFile('images.gz', gzipSync(images(2)))
  const expected = { count: 2, height: 2, width: 3, pixels: Uint8Array.from(counting(12)) }
  for (const path of [plain, packed]) {
    const read = await readIdxImages(path)
    expect({ ...read, pixels: Uint8Array.from(read.pixels) }).toEqual(expected)
  }
  const both = await readIdx({ images: packed, labels: await temporaryFile('labels', labels(1, 7)) })
  expect(both).toMatchObject({ count: 2, height: 2, width: 3, channels: 1, classes: 10 })
  expect([...both.labels]).toEqual([1, 7])
})

test('labels given as images are ARCHLOOM_DATA_MAGIC, with both numbers', async () => {
  const path = await temporaryFile('labels', labels(1, 2, 3))
  await expect(readIdxImages(path)).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_MAGIC',
    message: expect.stringMatching(/0x00000801.*0x00000803/),
  })
  await expect(readIdxLabels(await temporaryFile('images', images(1)))).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_MAGIC',
  })
})

test.each([0, 3, 12, 27])('%d bytes of a file of 28 are ARCHLOOM_DATA_TRUNCATED', async (bytes) => {
  const path = await temporaryFile('images', images(2).subarray(0, bytes))
  await expect(readIdxImages(path)).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_TRUNCATED', details: { bytes } })
})

test('bytes after the end are ARCHLOOM_DATA_TRAILING_BYTES', async () => {
  const path = await temporaryFile('labels', Uint8Array.from([...labels(1, 2), 0]))
  await expect(readIdxLabels(path)).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_TRAILING_BYTES',
    details: { bytes: 11, expected: 10 },
  })
})

test('more labels than images are ARCHLOOM_DATA_COUNT_MISMATCH', async () => {
  const paths = {
    images: await temporaryFile('images', images(2)),
    labels: await temporaryFile('labels', labels(1, 2, 3)),
  }
  await expect(readIdx(paths)).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_COUNT_MISMATCH',
    details: { images: 2, labels: 3 },
  })
})

test('a label beyond the classes is ARCHLOOM_DATA_LABEL_RANGE', async () => {
  const paths = {
    images: await temporaryFile('images', images(2)),
    labels: await temporaryFile('labels', labels(1, 5)),
  }
  await expect(readIdx(paths, 5)).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_LABEL_RANGE' })
})
