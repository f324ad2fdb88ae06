import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { buildFromWheel, tensorflowEngine, wheelFolder } from '../../../plugins/tensorflow/index.ts'
import { mistaken } from '../../../plugins/tensorflow/kernels.ts'
import { removedFunctions, restoreRemovedFunctions } from '../../../plugins/tensorflow/removed-functions.ts'
import { describeWhere } from '../../conditional-suites.ts'

const root = mkdtempSync(join(tmpdir(), 'archloom-tensorflow-'))
afterAll(() => rmSync(root, { recursive: true }))

/** A folder with a package of this name, and an addon with these bytes. */
function folderWith(name: string, packageName: string, addon?: string): () => readonly string[] {
  const folder = join(root, name)
  const target = join(folder, 'node_modules', packageName)
  mkdirSync(join(target, 'lib/napi-v8'), { recursive: true })
  const binary = { module_name: 'addon', module_path: './lib/napi-v{napi_build_version}', napi_versions: [3, 8] }
  writeFileSync(join(target, 'package.json'), JSON.stringify({ name: packageName, version: '4.22.0', binary }))
  if (addon !== undefined) writeFileSync(join(target, 'lib/napi-v8/addon.node'), addon)
  return () => [folder]
}

describe('availability', () => {
  const absent = tensorflowEngine(() => [join(root, 'nothing here')])

  it('names the packages to install', async () => {
    expect(await absent.available()).toEqual({
      ok: false,
      reason: expect.stringContaining('needs "@tensorflow/tfjs-node-gpu" or "@tensorflow/tfjs-node"'),
      remedy: expect.stringMatching(/^Run `npm install @tensorflow\/tfjs-node`/),
    })
    await expect(absent.start()).rejects.toThrow(/^ARCHLOOM_TENSORFLOW_PACKAGE_MISSING: /)
  })

  it('says that the native library was not downloaded', async () => {
    const engine = tensorflowEngine(folderWith('no addon', '@tensorflow/tfjs-node'))
    expect(await engine.available()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('addon.node": its install script did not run'),
      remedy: expect.stringContaining('npm rebuild @tensorflow/tfjs-node'),
    })
    await expect(engine.start()).rejects.toThrow(/^ARCHLOOM_TENSORFLOW_LIBRARY_MISSING: /)
  })

  it('says why the native library cannot be loaded', async () => {
    const engine = tensorflowEngine(folderWith('damaged', '@tensorflow/tfjs-node-gpu', 'not a library'))
    expect(await engine.available()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/of "@tensorflow\/tfjs-node-gpu" cannot be loaded: .+/),
      remedy: expect.stringContaining('CUDA'),
    })
    await expect(engine.start()).rejects.toThrow(/^ARCHLOOM_TENSORFLOW_LIBRARY_BROKEN: /)
  })

  it('puts the package with CUDA first', () => {
    const gpu = tensorflowEngine(folderWith('both', '@tensorflow/tfjs-node-gpu'))
    folderWith('both', '@tensorflow/tfjs-node')
    expect(gpu.priority).toBeGreaterThan(tensorflowEngine(folderWith('one', '@tensorflow/tfjs-node')).priority)
    expect(absent.priority).toBeLessThan(gpu.priority)
  })
})

describe('functions that Node removed', () => {
  it('are put back where they are missing, and only there', () => {
    const inspect = () => 'own'
    const isDate = () => 'own'
    const module: Record<string, unknown> = { inspect, isDate, isNullOrUndefined: () => 'warns' }
    restoreRemovedFunctions(module)
    expect(module).toMatchObject({ inspect, isDate })
    expect(Object.keys(module).sort()).toEqual(['inspect', ...Object.keys(removedFunctions)].sort())
    const { isNullOrUndefined, isPrimitive, isError } = module as typeof removedFunctions
    expect([null, undefined, 0, ''].map((value) => isNullOrUndefined?.(value))).toEqual([true, true, false, false])
    expect([null, 1, 'x', {}, () => 1].map((value) => isPrimitive?.(value))).toEqual([true, true, true, false, false])
    expect([new TypeError('x'), {}].map((value) => isError?.(value))).toEqual([true, false])
  })
})

describe('an addon from a wheel', () => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor
  afterEach(() => void Object.defineProperty(process, 'platform', platform))

  it('ARCHLOOM_TENSORFLOW_BUILD names the step that failed', async () => {
    Object.defineProperty(process, 'platform', { ...platform, value: 'sunos' })
    const steps: string[] = []
    await expect(buildFromWheel({ folder: join(root, 'wheel'), onStep: (step) => steps.push(step) })).rejects.toThrow(
      /^ARCHLOOM_TENSORFLOW_BUILD: .* failed at "check the platform": .* this is sunos/,
    )
    expect(steps).toEqual(['check the platform'])
  })

  it('lies in the cache of archloom', () => {
    expect(wheelFolder({ ARCHLOOM_CACHE: '/a' })).toBe(join('/a', 'tensorflow'))
    expect(wheelFolder({ XDG_CACHE_HOME: '/b' })).toBe(join('/b', 'archloom', 'tensorflow'))
  })
})

const engine = tensorflowEngine()
const availability = await engine.available()
const note = availability.ok ? '' : ` (skipped: ${availability.reason})`

describeWhere(availability.ok, `kernels${note}`, () => {
  it('cover every kernel of the cpu engine, numbered padding, and seeds', async () => {
    tf.enableProdMode()
    await engine.start()
    await tf.setBackend('tensorflow')
    const names = (backend: string) => tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName)
    const own = new Set(names('tensorflow'))
    expect([...names('cpu'), ...Object.keys(mistaken)].filter((name) => !own.has(name))).toEqual([])

    const before = tf.memory().numTensors
    tf.tidy(() => {
      const x = tf.reshape(tf.range(1, 10), [1, 3, 3, 1]) as tf.Tensor4D
      expect([...tf.maxPool(x, 3, 1, 1).dataSync()]).toEqual([5, 6, 6, 8, 9, 9, 8, 9, 9])
      // Corners average four pixels, edges six.
      const averages = Array.from(tf.avgPool(x, 3, 1, 1).dataSync(), (value) => Math.round(1e5 * value) / 1e5)
      expect(averages).toEqual([3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7])
      const probabilities = tf.tensor1d([0.25, 0.25, 0.5])
      const draw = () => tf.multinomial(probabilities, 50, 3, true).dataSync()
      expect(draw()).toEqual(draw())
    })
    expect(tf.memory().numTensors).toBe(before)
  })
})
