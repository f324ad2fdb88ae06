import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import '@tensorflow/tfjs-backend-cpu'
import sharp, { type Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { imageFolder, readImageFolder } from '../../../evaluators/data/index.ts'
import { temporaryFolder } from './files.ts'

interface Picture {
  width?: number
  height?: number
  colour?: [number, number, number]
  alpha?: number
}

const png = ({ width = 4, height = 4, colour: [r, g, b] = [10, 20, 30], alpha }: Picture = {}) =>
  alpha === undefined
    ? sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    : sharp({ create: { width, height, channels: 4, background: { r, g, b, alpha } } })

async function folder(files: Record<string, Uint8Array | Sharp>): Promise<string> {
  const root = await temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), content instanceof Uint8Array ? content : await content.png().toBuffer())
  }
  return root
}

const pixel = (pixels: Uint8Array, i: number) => [...pixels.subarray(3 * i, 3 * i + 3)]

test('sub-folders are classes in the order of their names', async () => {
  const root = await folder({
    'dog/1.png': png({ colour: [200, 100, 50] }),
    'cat/1.png': png(),
    'cat/2.png': png({ colour: [1, 2, 3] }),
  })
  const { images, classNames, notes } = await readImageFolder(root)
  expect(classNames).toEqual(['cat', 'dog'])
  expect(images).toMatchObject({ count: 3, height: 4, width: 4, channels: 3, classes: 2 })
  expect([...images.labels]).toEqual([0, 0, 1])
  expect([0, 16, 32].map((i) => pixel(images.pixels, i))).toEqual([
    [10, 20, 30],
    [1, 2, 3],
    [200, 100, 50],
  ])
  expect(notes).toEqual([])
})

test('grey, 16-bit and transparent images are converted, and it is said', async () => {
  const grey = sharp(Uint8Array.from([0, 64, 128, 255]), { raw: { width: 2, height: 2, channels: 1 } })
  const deep = sharp(Uint16Array.from([0, 0x4000, 0x8000, 0xffff]), { raw: { width: 2, height: 2, channels: 1 } })
  const root = await folder({
    'a/grey.png': grey.toColourspace('b-w'),
    'b/deep.png': deep.toColourspace('grey16'),
    'c/clear.png': png({ width: 2, height: 2, colour: [200, 100, 50], alpha: 0.5 }),
    'c/notes.txt': new TextEncoder().encode('hello'),
  })
  const { images, notes } = await readImageFolder(root)
  expect([0, 1, 2, 3].map((i) => pixel(images.pixels, i))).toEqual([0, 64, 128, 255].map((v) => [v, v, v]))
  expect([4, 5, 6, 7].map((i) => pixel(images.pixels, i))).toEqual([0, 64, 128, 255].map((v) => [v, v, v]))
  expect(pixel(images.pixels, 8)).toEqual([100, 50, 25])
  const said = notes.join('\n')
  expect(said).toMatch(/2 files.*grey/)
  expect(said).toMatch(/1 file .*8 bits/)
  expect(said).toMatch(/1 file .*transparency/)
  expect(said).toMatch(/1 file .*not an image/)
})

test('one channel: colour becomes grey', async () => {
  const root = await folder({ 'a/1.png': png({ colour: [255, 255, 255] }), 'b/1.png': png({ colour: [0, 0, 0] }) })
  const { images, notes } = await readImageFolder(root, { channels: 1 })
  expect(images.channels).toBe(1)
  expect([images.pixels[0], images.pixels[16]]).toEqual([255, 0])
  expect(notes.join()).toMatch(/2 files.*converted to grey/)
})

test('other channels and misspelt sizes are refused', async () => {
  for (const channels of [2, 4])
    await expect(readImageFolder('nowhere', { channels: channels as 1 })).rejects.toThrow(/ARCHLOOM_OPTION.*"channels" is [24]; expected 1 or 3/) // biome-ignore format: one line
  const resize = { height: 4, width: 4, fitt: 'cover' } as never
  await expect(readImageFolder('nowhere', { resize })).rejects.toThrow(
    /ARCHLOOM_OPTION: resize has no option "fitt".*"fit"/,
  )
})

test('an orientation tag is applied', async () => {
  const upright = sharp(Uint8Array.from([255, 0, 0, 0, 0, 255]), { raw: { width: 2, height: 1, channels: 3 } })
  const turned = await upright.png().withMetadata({ orientation: 6 }).toBuffer()
  const root = await folder({ 'a/1.png': turned, 'b/1.png': turned })
  const { images, notes } = await readImageFolder(root)
  expect(images).toMatchObject({ height: 2, width: 1 })
  expect(pixel(images.pixels, 0)).toEqual([255, 0, 0])
  expect(notes.join()).toMatch(/upright/)
})

test('images of different sizes are ARCHLOOM_IMAGE_SIZE, unless resized', async () => {
  const root = await folder({ 'a/1.png': png(), 'b/1.png': png({ width: 6 }) })
  await expect(readImageFolder(root)).rejects.toMatchObject({
    code: 'ARCHLOOM_IMAGE_SIZE',
    details: { received: '4×6', expected: '4×4' },
  })
  const { images } = await readImageFolder(root, { resize: { height: 3, width: 5 } })
  expect(images).toMatchObject({ count: 2, height: 3, width: 5 })
  expect(pixel(images.pixels, 0)).toEqual([10, 20, 30])
})

test('a file that is not an image is ARCHLOOM_IMAGE_UNDECODABLE, with its path', async () => {
  const whole = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#123' } })
    .png()
    .toBuffer()
  for (const broken of [new TextEncoder().encode('not a picture'), whole.subarray(0, whole.length / 2)]) {
    const root = await folder({ 'a/1.png': broken })
    await expect(readImageFolder(root)).rejects.toMatchObject({
      code: 'ARCHLOOM_IMAGE_UNDECODABLE',
      details: { path: join(root, 'a/1.png') },
    })
  }
})

test('an empty folder or class is ARCHLOOM_IMAGE_FOLDER_EMPTY; no folder is ARCHLOOM_DATA_FILE_MISSING', async () => {
  const root = await temporaryFolder()
  await expect(readImageFolder(root)).rejects.toMatchObject({ code: 'ARCHLOOM_IMAGE_FOLDER_EMPTY' })
  await mkdir(join(root, 'cat'))
  await expect(readImageFolder(root)).rejects.toMatchObject({
    code: 'ARCHLOOM_IMAGE_FOLDER_EMPTY',
    details: { path: join(root, 'cat') },
  })
  await expect(readImageFolder(join(root, 'none'))).rejects.toMatchObject({ code: 'ARCHLOOM_DATA_FILE_MISSING' })
})

test('train, val and test folders become the three splits', async () => {
  const files = ['train/a/1', 'train/a/2', 'train/b/1', 'train/b/2', 'val/a/1', 'val/b/1', 'test/a/1', 'test/b/1']
  const root = await folder(Object.fromEntries(files.map((name, i) => [`${name}.png`, png({ colour: [i, i, i * 9] })])))
  const data = await imageFolder(root)
  expect([data.train.size, data.validation.size, data.test.size]).toEqual([4, 2, 2])
  expect(data.validation.images.pixels[0]).toBe(4)
  expect(data.classNames).toEqual(['a', 'b'])
  expect(data).toMatchObject({ source: 'own', location: root })
})

test('class folders alone are split by the seed', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `${i % 2 ? 'a' : 'b'}/${i}.png`)
  const root = await folder(Object.fromEntries(names.map((name, i) => [name, png({ colour: [i, 0, 0] })])))
  const data = await imageFolder(root, { validation: 4, test: 6, seed: 3 })
  expect([data.train.size, data.validation.size, data.test.size]).toEqual([10, 4, 6])
  const all = [...data.train.indices, ...data.validation.indices, ...data.test.indices].sort((a, b) => a - b)
  expect(all).toEqual(Array.from({ length: 20 }, (_, i) => i))
})
