import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import {
  describeUpscaler,
  loadUpscaler,
  reachOf,
  saveUpscaler,
  type Upscaler,
} from '../../../evaluators/upscaling/index.ts'
import { buildDrn } from '../../../plugins/drn/index.ts'
import { buildCompactNetwork, superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'
import { compact, network } from './models.ts'

let directory: string
beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-upscaling-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const picture = (side = 7) =>
  tf.tensor4d(
    Float32Array.from({ length: side * side * 3 }, (_, i) => (37 * i) % 256),
    [1, side, side, 3],
  )
const valuesOf = (model: Pick<Upscaler, 'upscale'>) =>
  tf.tidy(() => [...model.upscale(picture(), { training: false }).dataSync()])

describe('model folders', () => {
  it('give back networks of every kind with their weights, and no tensor stays', async () => {
    const space = superResolutionSpace({ scale: 2, cells: 2, channels: 4, nodes: 1 })
    const architecture = space.decode(space.random(seeded('cells')))
    const drn = { scale: 2, features: 16, blocks: 2 } as const
    const cells = { space: { scale: 2, cells: 2, channels: 4, nodes: 1 }, architecture }
    const parts = { input: [8, 8, 3], rng: seeded('weights') }
    const kinds = [
      { kind: 'compact', options: compact, make: () => network() as Upscaler },
      { kind: 'cells', options: cells, make: () => space.build(architecture, { ...parts, classes: 0 }) },
      { kind: 'drn', options: drn, make: () => buildDrn({ ...drn, ...parts }) },
    ]
    for (const { kind, options, make } of kinds) {
      const before = tf.memory().numTensors
      const folder = join(directory, kind)
      let expected: number[]
      {
        using made = make()
        expected = valuesOf(made)
        const saved = await saveUpscaler(folder, made, { kind, options: { ...options }, notes: { steps: 3 } })
        expect(saved).toMatchObject({ kind, scale: 2, notes: { steps: 3 } })
        expect(await describeUpscaler(folder)).toEqual(saved)
      }
      {
        using loaded = await loadUpscaler(folder, { scale: 2 })
        expect(valuesOf(loaded.network)).toEqual(expected)
      }
      expect(tf.memory().numTensors).toBe(before)
    }
    // Channel attention looks at the whole image.
    expect((await describeUpscaler(join(directory, 'drn'))).reach).toBeNull()
  })

  it('know how far a pixel looks: one for each 3×3 convolution', async () => {
    for (const blocks of [1, 3]) {
      using made = network({ ...compact, blocks })
      expect(await reachOf(made)).toBe(2 * blocks + 2)
    }
    // A fresh one is bicubic: two pixels.
    using fresh = buildCompactNetwork(compact, { input: [8, 8, 3], rng: seeded(1) })
    expect(await reachOf(fresh)).toBe(2)
  })

  it('may be built by the caller', async () => {
    const folder = join(directory, 'own')
    using made = network()
    await saveUpscaler(folder, made, { kind: 'mine', options: { width: 4 } })
    await expect(loadUpscaler(folder)).rejects.toThrow(/ARCHLOOM_UPSCALER_KIND: .*"mine".*compact/)
    const build = (options: Readonly<Record<string, unknown>>) => {
      expect(options).toEqual({ width: 4 })
      return network()
    }
    using loaded = await loadUpscaler(folder, { builders: { mine: build } })
    expect(valuesOf(loaded.network)).toEqual(valuesOf(made))
  })

  it('say what is wrong with them', async () => {
    const folder = join(directory, 'broken')
    using made = network()
    const before = tf.memory().numTensors
    await saveUpscaler(folder, made, { kind: 'compact', options: { ...compact } })
    const [description, weights] = [join(folder, 'model.json'), join(folder, 'weights.safetensors')]
    const [text, bytes] = [readFileSync(description, 'utf8'), readFileSync(weights)]
    const wrong = async (says: RegExp, options = {}) => {
      await expect(loadUpscaler(folder, options)).rejects.toThrow(says)
      writeFileSync(description, text)
      writeFileSync(weights, bytes)
    }
    await wrong(/ARCHLOOM_UPSCALER_SCALE: .*×2; ×3 was requested/, { scale: 3 })
    writeFileSync(description, '{"format"')
    await wrong(/ARCHLOOM_UPSCALER_FOLDER: .*model\.json/)
    writeFileSync(description, '{"format":"other"}')
    await wrong(/ARCHLOOM_UPSCALER_FOLDER: .*its format is "other"/)
    writeFileSync(description, text.replace('"version": 1', '"version": 2'))
    await wrong(/its version is 2, expected 1/)
    writeFileSync(description, text.replace('\n  "scale": 2', '\n  "scale": "two"'))
    await wrong(/kind, options or scale is missing/)
    writeFileSync(description, text.replace('"reach": 4', '"reach": -1'))
    await wrong(/its reach is -1/)
    writeFileSync(description, text.replace('"features": 4', '"features": 5'))
    await wrong(/weights\.safetensors: ARCHLOOM_WEIGHTS_SHAPE_MISMATCH/)
    writeFileSync(description, text.replace('"features": 4', '"features": 0'))
    await wrong(/model\.json: ARCHLOOM_OPTION/)
    writeFileSync(weights, bytes.subarray(0, bytes.length - 3))
    await wrong(/ARCHLOOM_UPSCALER_FOLDER: .*weights\.safetensors: ARCHLOOM_SAFETENSORS_FILE/)
    await expect(loadUpscaler(join(directory, 'none'))).rejects.toThrow(/ARCHLOOM_UPSCALER_FOLDER.*ENOENT/)
    expect(tf.memory().numTensors).toBe(before)
  })
})
