import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { seeded } from 'archloom'
import { fit, loadModel } from 'archloom/fit'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resizeImage } from '../../../plugins/fit/images/prepare.ts'
import { decodeNamed } from '../../../plugins/fit/images/read.ts'

let folder: string
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = resolve(mkdtempSync(join('.cache', 'fit-images-')))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Bright images and dark ones, of two sizes. */
async function write(name: string, counts: Readonly<Record<string, number>>): Promise<string> {
  const rng = seeded(name)
  const root = join(folder, name)
  for (const [label, count] of Object.entries(counts)) {
    mkdirSync(join(root, label), { recursive: true })
    for (let i = 0; i < count; i++) {
      const [width, height] = i % 4 === 0 ? [20, 16] : [12, 12]
      const level = label === 'bright' ? 170 : 40
      const raw = Buffer.from(Uint8Array.from({ length: width * height * 3 }, () => level + rng.int(60)))
      await sharp(raw, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(join(root, label, `${i}.png`))
    }
  }
  return root
}
const quick = { budget: { steps: 40 }, trials: 2, limits: { parameters: 2500 } } as const

describe('fit of a folder of images', () => {
  it('warns of what a person would go on with, classifies, and exports programs that agree', async () => {
    const root = await write('good', { bright: 24, dark: 24, single: 1 })
    writeFileSync(join(root, 'dark', 'broken.png'), 'no image')
    using result = await fit({ data: root, ...quick })
    const warnings = result.warnings.join('\n')
    expect(warnings).toMatch(/1 of 50 images cannot be decoded.*broken\.png/)
    expect(warnings).toContain('a single image are left out, because nothing could be checked: single')
    expect(warnings).toContain('images of 2 sizes')
    expect(result.classes).toEqual(['bright', 'dark'])
    expect(result.metrics.accuracy).toBeGreaterThan(0.9)
    const file = join(root, 'dark', '3.png')
    expect(await result.predict(file)).toMatchObject([{ label: 'dark' }])

    expect((await result.evaluate(await write('unseen', { bright: 4, dark: 4 }))).accuracy).toBeGreaterThan(0.8)
    await expect(result.evaluate(await write('others', { green: 2, dark: 2 }))).rejects.toThrow(
      /ARCHLOOM_FIT_CLASSES.*green.*bright, dark/,
    )

    const out = join(folder, 'model')
    await result.export(out)
    await using model = await loadModel(out)
    expect(await model.predict([file])).toMatchObject([{ predicted: 'dark' }])
    const printed = execFileSync(process.execPath, [join(out, 'predict.mjs'), file], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    expect(printed.trim()).toBe(`${file} dark`)
    const { load } = (await import(pathToFileURL(join(out, 'predict-browser.mjs')).href)) as {
      load: (ort: unknown, folder: string, read: unknown) => Promise<(image: unknown) => Promise<string>>
    }
    const predict = await load(await import('onnxruntime-node'), `${out}/`, (url: string) => readFile(url))
    const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    expect(await predict({ data, width: info.width, height: info.height })).toBe('dark')
  })

  it('writes integers when asked to, in fewer bytes, that predict the same', async () => {
    const root = await write('small', { bright: 24, dark: 24 })
    const floats = join(folder, 'floats')
    const integers = join(folder, 'integers')
    const options = { data: root, ...quick, limits: { parameters: 40_000 }, trials: 1 }
    using result = await fit(options)
    await result.export(floats)
    using compressed = await fit({ ...options, compress: true })
    await compressed.export(integers)
    const bytes = (out: string) => statSync(join(out, 'model.onnx')).size
    expect(bytes(integers)).toBeLessThan(0.6 * bytes(floats))
    await using model = await loadModel(integers)
    const files = ['bright', 'dark'].map((label) => join(root, label, '3.png'))
    expect((await model.predict(files)).map(({ predicted }) => predicted)).toEqual(['bright', 'dark'])
  })

  it('reads a CSV of paths and labels', async () => {
    const root = await write('listed', { bright: 12, dark: 12 })
    const lines = ['bright', 'dark'].flatMap((label) =>
      Array.from({ length: 12 }, (_, i) => `listed/${label}/${i}.png,${label}`),
    )
    writeFileSync(`${root}.csv`, `file,label\n${lines.join('\n')}\n`)
    using result = await fit({ data: `${root}.csv`, ...quick })
    expect(result.kind).toBe('images')
    expect(result.classes).toEqual(['bright', 'dark'])
  })

  it('says what is wrong with a folder that nothing can be learned from', async () => {
    mkdirSync(join(folder, 'empty'))
    await expect(fit({ data: join(folder, 'empty'), ...quick })).rejects.toThrow(/ARCHLOOM_FIT_IMAGES.*nothing/)
    await expect(fit({ data: await write('one', { bright: 5 }), ...quick })).rejects.toThrow('ARCHLOOM_FIT_CLASSES')
    await expect(fit({ data: await write('tiny', { bright: 1, dark: 1 }), ...quick })).rejects.toThrow(
      'ARCHLOOM_FIT_CLASSES',
    )
    mkdirSync(join(folder, 'corrupt', 'a'), { recursive: true })
    writeFileSync(join(folder, 'corrupt', 'a', 'x.png'), 'no image')
    await expect(fit({ data: join(folder, 'corrupt'), ...quick })).rejects.toThrow('ARCHLOOM_FIT_IMAGES')
  })

  it('names the file that it cannot decode for a prediction', async () => {
    const bad = join(folder, 'bad.png')
    writeFileSync(bad, 'no image')
    await expect(decodeNamed(bad)).rejects.toThrow(/ARCHLOOM_FIT_IMAGES.*bad\.png/)
  })

  it('resizes by the mean of the area of each pixel', () => {
    const image = {
      data: [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150],
      width: 4,
      height: 4,
      channels: 1,
    }
    expect([...resizeImage(image, { height: 2, width: 2, channels: 1 })]).toEqual([25, 45, 105, 125])
    expect([...resizeImage(image, { height: 4, width: 4, channels: 1 })]).toEqual(image.data)
    // Three pixels from four: the middle one is half of each neighbour.
    expect([
      ...resizeImage(
        { data: [0, 100, 200, 40], width: 4, height: 1, channels: 1 },
        { height: 1, width: 3, channels: 1 },
      ),
    ]).toEqual([25, 150, 80])
    // Alpha is laid on black.
    expect([
      ...resizeImage(
        { data: [200, 100, 50, 128], width: 1, height: 1, channels: 4 },
        { height: 1, width: 1, channels: 3 },
      ),
    ]).toEqual([100, 50, 25])
  })
})
