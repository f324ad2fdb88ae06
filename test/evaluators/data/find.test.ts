import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import '@tensorflow/tfjs-backend-cpu'
import { packTar } from 'modern-tar'
import { expect, test } from 'vitest'
import { extractMembers } from '../../../evaluators/data/archive.ts'
import { cifar10Set } from '../../../evaluators/data/cifar-sets.ts'
import { findSet, type NamedSet } from '../../../evaluators/data/find.ts'
import {
  cacheDirectory,
  cifar10,
  cifar100,
  type DataName,
  describeDataset,
  findData,
  mnist,
  orGenerated,
  usps,
} from '../../../evaluators/data/index.ts'
import { cifarBytes, counting, idxBytes, md5, temporaryFolder } from './files.ts'
import { sendFile, serve } from './server.ts'

const batch = (n: number) => cifarBytes(Array.from({ length: n }, (_, i) => [i % 10]))

async function folder(files: Record<string, Uint8Array>): Promise<string> {
  const root = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), bytes)
  }
  return root
}

const names = ['data_batch_1.bin', 'data_batch_2.bin', 'data_batch_3.bin', 'data_batch_4.bin', 'data_batch_5.bin']
const official = Object.fromEntries([...names, 'test_batch.bin'].map((name) => [name, batch(20)]))
const meta = new TextEncoder().encode(`${'a b c d e f g h i j'.split(' ').join('\n')}\n\n`)

/** CIFAR-10 with an archive made here: the checksum of the real one would never fit. */
async function published(members: Record<string, Uint8Array>) {
  const entries = Object.entries(members).map(([name, data]) => ({
    header: { name: `cifar-10-batches-bin/${name}`, size: data.length, type: 'file' as const },
    data: data as Uint8Array<ArrayBuffer>,
  }))
  const archive = gzipSync(await packTar(entries))
  const server = await serve((request, response) => sendFile(request, response, archive))
  const remote = cifar10Set.remote.map((file) => ({
    ...file,
    urls: [`${server.url}/cifar-10-binary.tar.gz`],
    checksum: { algorithm: 'md5' as const, value: md5(archive) },
  }))
  return { set: { ...cifar10Set, remote } satisfies NamedSet, server }
}

const quiet = { onProgress: () => {}, pauseMs: 1 }

test('ARCHLOOM_DATA comes first, then the cache, then a download, which then is the cache', async () => {
  const { set, server } = await published({ ...official, 'batches.meta.txt': meta, 'readme.html': meta })
  const cache = await temporaryFolder()
  const find = (ARCHLOOM_DATA?: string) =>
    findSet(set, { ...quiet, environment: { ARCHLOOM_CACHE: cache, ...(ARCHLOOM_DATA && { ARCHLOOM_DATA }) } })

  const first = await find()
  expect(first).toMatchObject({ source: 'download', location: join(cache, 'datasets', 'cifar10') })
  expect([first.train.count, first.test.count]).toEqual([100, 20])
  expect(first.classNames).toEqual('a b c d e f g h i j'.split(' '))
  expect((await readdir(first.location)).sort()).toEqual(['batches.meta.txt', ...names, 'test_batch.bin'].sort())

  expect(await find()).toMatchObject({ source: 'cache' })
  expect(server.requests).toHaveLength(1)

  const own = await folder({ 'cifar10/data_batch_1.bin.gz': gzipSync(batch(10)), 'cifar10/test_batch.bin': batch(10) })
  expect(await find(own)).toMatchObject({ source: 'archloom-data', location: join(own, 'cifar10') })
  expect(await find(await temporaryFolder())).toMatchObject({ source: 'cache' })
})

test('several processes that look at once fetch once', async () => {
  const { set, server } = await published({ ...official, 'batches.meta.txt': meta })
  const environment = { ARCHLOOM_CACHE: await temporaryFolder() }
  const found = await Promise.all([1, 2, 3].map(() => findSet(set, { ...quiet, environment })))
  expect(found.map(({ train }) => train.count)).toEqual([100, 100, 100])
  expect(server.requests).toHaveLength(1)
})

test('the official layout is found, also when ARCHLOOM_DATA is that folder; missing batches are said aloud', async () => {
  const root = await folder({
    'cifar-10-batches-bin/data_batch_2.bin': batch(30),
    'cifar-10-batches-bin/test_batch.bin': batch(10),
  })
  for (const ARCHLOOM_DATA of [root, join(root, 'cifar-10-batches-bin')]) {
    const data = await cifar10({ environment: { ARCHLOOM_DATA }, validation: 10 })
    expect([data.train.size, data.validation.size, data.test.size]).toEqual([20, 10, 10])
    expect(data.notes[0]).toBe(
      '1 of 5 training files: no data_batch_1.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin',
    )
    expect(data.notes[1]).toBe('30 of the official 50,000 training examples')
    expect(data.classNames?.[3]).toBe('cat')
    expect(describeDataset(data)).toMatch(
      /^CIFAR-10 \(from ARCHLOOM_DATA, .*\): 20 train, 10 validation, 10 test; 32×32×3/,
    )
  }
})

test('augment: true is what is usual on the set', async () => {
  const root = await folder({ 'cifar10/data_batch_1.bin': batch(30), 'cifar10/test_batch.bin': batch(10) })
  const data = await cifar10({ environment: { ARCHLOOM_DATA: root }, augment: true, seed: 4, trainSize: 10 })
  expect(data.train.augmentation).toEqual({ crop: { padding: 4 }, flip: true })
  expect(data.train.size).toBe(10)
  expect(data.test.augmentation).toBeUndefined()
})

test('CIFAR-100 by fine or coarse label', async () => {
  const records = cifarBytes(Array.from({ length: 200 }, (_, i) => [i % 20, i % 100]))
  const environment = { ARCHLOOM_DATA: await folder({ 'cifar100/train.bin': records, 'cifar100/test.bin': records }) }
  expect((await cifar100({ environment })).train.classes).toBe(100)
  const coarse = await cifar100({ environment, labels: 'coarse' })
  expect(coarse.train.classes).toBe(20)
  expect(coarse.classNames).toHaveLength(20)
})

test('MNIST in the layout of torchvision, and a cut test set named so', async () => {
  const images = (n: number) => idxBytes(0x803, [n, 2, 2], counting(4 * n))
  const labels = (n: number) =>
    idxBytes(
      0x801,
      [n],
      counting(n).map((i) => i % 10),
    )
  const data = await mnist({
    environment: {
      ARCHLOOM_DATA: await folder({
        'MNIST/raw/train-images-idx3-ubyte': images(40),
        'MNIST/raw/train-labels-idx1-ubyte': labels(40),
        'MNIST/raw/t10k-first3000-images-idx3-ubyte.gz': gzipSync(images(10)),
        'MNIST/raw/t10k-labels-idx1-ubyte': labels(30),
      }),
    },
    validation: 10,
  })
  expect([data.train.size, data.validation.size, data.test.size]).toEqual([30, 10, 10])
  expect(data.notes).toContain('10 of the official 10,000 test examples')
})

test('half a data set is ARCHLOOM_DATA_FILE_MISSING, never silently another one', async () => {
  const only = async (name: string, bytes: Uint8Array) => ({
    environment: { ARCHLOOM_DATA: await folder({ [name]: bytes }) },
  })
  const missing = { code: 'ARCHLOOM_DATA_FILE_MISSING' }
  await expect(cifar10(await only('cifar10/data_batch_1.bin', batch(10)))).rejects.toMatchObject(missing)
  await expect(cifar10(await only('cifar10/test_batch.bin', batch(10)))).rejects.toMatchObject(missing)
  const labels = idxBytes(0x801, [1], [1])
  await expect(mnist(await only('mnist/train-labels-idx1-ubyte', labels))).rejects.toMatchObject(missing)
})

test('ARCHLOOM_OFFLINE forbids a download: ARCHLOOM_DOWNLOAD_OFFLINE lists places and addresses', async () => {
  const { set, server } = await published(official)
  const environment = {
    ARCHLOOM_CACHE: await temporaryFolder(),
    ARCHLOOM_DATA: await temporaryFolder(),
    ARCHLOOM_OFFLINE: '1',
  }
  const refused = findSet(set, { environment })
  await expect(refused).rejects.toMatchObject({ code: 'ARCHLOOM_DOWNLOAD_OFFLINE' })
  await expect(refused).rejects.toThrow(join(environment.ARCHLOOM_DATA, 'cifar-10-batches-bin'))
  await expect(refused).rejects.toThrow(join(environment.ARCHLOOM_CACHE, 'datasets', 'cifar10'))
  await expect(refused).rejects.toThrow(server.url)
  expect(server.requests).toHaveLength(0)
})

test('an archive without its members is ARCHLOOM_ARCHIVE_INCOMPLETE', async () => {
  const { set } = await published({ 'data_batch_1.bin': batch(10) })
  const found = findSet(set, { ...quiet, environment: { ARCHLOOM_CACHE: await temporaryFolder() } })
  await expect(found).rejects.toMatchObject({
    code: 'ARCHLOOM_ARCHIVE_INCOMPLETE',
    message: expect.stringContaining('data_batch_2.bin'),
  })
  const broken = join(await folder({ 'a.tar.gz': new TextEncoder().encode('no archive') }), 'a.tar.gz')
  await expect(extractMembers(broken, ['x'], dirname(broken))).rejects.toMatchObject({
    code: 'ARCHLOOM_ARCHIVE_INCOMPLETE',
  })
})

test('members are written by their own name only, wherever the archive would like them', async () => {
  const archive = gzipSync(
    await packTar([{ header: { name: '../../escape/test_batch.bin', size: 3, type: 'file' }, body: 'abc' }]),
  )
  const path = join(await folder({ 'a.tar.gz': archive }), 'a.tar.gz')
  await extractMembers(path, ['test_batch.bin'], join(dirname(path), 'out'))
  expect(await readdir(join(dirname(path), 'out'))).toEqual(['test_batch.bin'])
})

test('the checksum of the official file is asked of a mirror too: ARCHLOOM_DOWNLOAD_CHECKSUM', async () => {
  const { server } = await published(official)
  const found = cifar10({
    ...quiet,
    mirror: `${server.url}/`,
    environment: { ARCHLOOM_CACHE: await temporaryFolder() },
  })
  await expect(found).rejects.toMatchObject({ code: 'ARCHLOOM_DOWNLOAD_CHECKSUM' })
  expect(server.requests[0]?.path).toBe('/cifar-10-binary.tar.gz')
})

test('an ARCHLOOM_DATA that is not a folder is ARCHLOOM_DATA_FOLDER_MISSING', async () => {
  await expect(cifar10({ environment: { ARCHLOOM_DATA: '/no/such/folder' } })).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_FOLDER_MISSING',
  })
})

test('a set that is published nowhere with a checksum is ARCHLOOM_DATA_SET_NOT_FOUND', async () => {
  await expect(usps({ environment: { ARCHLOOM_CACHE: await temporaryFolder() } })).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_SET_NOT_FOUND',
  })
})

test('without data or a download, generated images are used with a reason; broken files are still errors', async () => {
  const environment = { ARCHLOOM_CACHE: await temporaryFolder(), ARCHLOOM_OFFLINE: '1' }
  const data = await orGenerated(() => cifar10({ environment }), { train: 50, validation: 10, test: 10 })
  expect(data.source).toBe('generated')
  expect(data.train.size).toBe(50)
  expect(data.notes[0]).toMatch(/^a substitute for real data: ARCHLOOM_DOWNLOAD_OFFLINE: CIFAR-10 was not found/)
  const cut = await folder({ 'cifar10/data_batch_1.bin': batch(3).subarray(1), 'cifar10/test_batch.bin': batch(3) })
  await expect(orGenerated(() => cifar10({ environment: { ARCHLOOM_DATA: cut } }))).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_RECORD_SIZE',
  })
})

test('a cache that cannot be written is ARCHLOOM_CACHE_UNWRITABLE', async () => {
  const file = join(await folder({ file: meta }), 'file')
  const { set } = await published(official)
  await expect(findSet(set, { environment: { ARCHLOOM_CACHE: join(file, 'cache') } })).rejects.toMatchObject({
    code: 'ARCHLOOM_CACHE_UNWRITABLE',
  })
})

test('an unknown name is ARCHLOOM_DATA_SET_UNKNOWN, with the known ones', async () => {
  await expect(findData('cifar11' as DataName)).rejects.toMatchObject({
    code: 'ARCHLOOM_DATA_SET_UNKNOWN',
    message: expect.stringContaining('cifar10, cifar100, fashion-mnist, mnist, usps'),
  })
})

test('the cache folder: ARCHLOOM_CACHE, else XDG_CACHE_HOME, else the home folder', () => {
  expect(cacheDirectory({ ARCHLOOM_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe('/c')
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe(join('/x', 'archloom'))
  expect(cacheDirectory({})).toMatch(/\.cache.archloom$/)
})
