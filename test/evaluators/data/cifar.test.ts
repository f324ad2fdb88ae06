import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readCifar } from '../../../evaluators/data/index.ts'
import { cifarBytes, temporaryFile, temporaryFolder } from './files.ts'

test('records become interleaved images with their labels', async () => {
  const path = await temporaryFile('a.bin', cifarBytes([[3], [9]]))
  const images = await readCifar(path)
  expect(images).toMatchObject({ count: 2, height: 32, width: 32, channels: 3, classes: 10 })
  expect([...images.labels]).toEqual([3, 9])
  // Record 1, pixel 5: planes 1 + 5, 1 + 10 + 5, 1 + 20 + 5.
  expect([...images.pixels.subarray(3072 + 15, 3072 + 18)]).toEqual([6, 16, 26])
})

test('gzip gives the same images, and several files follow one another', async () => {
  const plain = await temporaryFile('a.bin', cifarBytes([[3], [9]]))
  const packed = await temporaryFile('b.bin.gz', gzipSync(cifarBytes([[3], [9]])))
  const one = await readCifar(plain)
  const both = await readCifar([plain, packed])
  expect([...both.labels]).toEqual([3, 9, 3, 9])
  expect(both.pixels.subarray(0, 6144)).toEqual(one.pixels)
  expect(both.pixels.subarray(6144)).toEqual(one.pixels)
})

test('the second label byte of CIFAR-100 is the fine class, the first the coarse one', async () => {
  const path = await temporaryFile('train.bin', cifarBytes([[19, 99]]))
  expect([...(await readCifar(path, { labelBytes: 2, classes: 100 })).labels]).toEqual([99])
  expect([...(await readCifar(path, { labelBytes: 2, labelByte: 0, classes: 20 })).labels]).toEqual([19])
})

test('a missing file is ARCHLOOM_DATA_FILE_MISSING', async () => {
  const path = `${await temporaryFolder()}/none.bin`
  await expect(readCifar(path)).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_FILE_MISSING', details: { path } })
})

test('a cut or foreign file is ARCHLOOM_DATA_RECORD_SIZE, and says both sizes', async () => {
  const cut = await temporaryFile('a.bin', cifarBytes([[3], [9]]).subarray(0, 6000))
  await expect(readCifar(cut)).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_RECORD_SIZE',
    message: expect.stringMatching(/6000 bytes.*3073 bytes/),
  })
  const empty = await temporaryFile('b.bin', new Uint8Array())
  await expect(readCifar(empty)).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_RECORD_SIZE' })
})

test('a label beyond the classes is ARCHLOOM_DATA_LABEL_RANGE, with its place', async () => {
  const path = await temporaryFile('a.bin', cifarBytes([[3], [10]]))
  await expect(readCifar(path)).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_LABEL_RANGE',
    message: expect.stringMatching(/example 1 .*label 10; expected 0 to 9/),
  })
})

test('a broken gzip is ARCHLOOM_DATA_GZIP_CORRUPT', async () => {
  const packed = gzipSync(cifarBytes([[3]]))
  const cut = await temporaryFile('a.bin.gz', packed.subarray(0, packed.length - 20))
  await expect(readCifar(cut)).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_GZIP_CORRUPT' })
  const other = await temporaryFile('b.bin.gz', cifarBytes([[3]]))
  await expect(readCifar(other)).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_GZIP_CORRUPT' })
})

test('no files at all, or files of different sets, are ARCHLOOM_DATA_SHAPE', async () => {
  await expect(readCifar([])).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_SHAPE' })
})
