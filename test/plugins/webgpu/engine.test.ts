import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { ArchloomError } from '../../../core/errors.ts'
import { mistaken, webgpuEngine } from '../../../plugins/webgpu/index.ts'
import { importPackage } from '../../../plugins/webgpu/packages.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { availability, skipped } from './adapter.ts'

const without =
  (...names: string[]) =>
  async (name: string): Promise<unknown> => {
    if (names.includes(name)) throw new Error(`Cannot find package '${name}'\nRequire stack: …`)
    return importPackage(name)
  }

/** Dawn on a machine where `requestAdapter` answers so. */
const dawnWith = (requestAdapter: () => Promise<unknown>) => async (name: string) =>
  name === 'webgpu' ? { create: () => ({ requestAdapter }), globals: {} } : importPackage(name)

describe('availability', () => {
  it('names the packages to install', async () => {
    expect(await webgpuEngine(without('webgpu')).available()).toEqual({
      ok: false,
      reason: expect.stringContaining(`needs "webgpu", which cannot be loaded: Cannot find package 'webgpu'`),
      remedy: 'Run `npm install webgpu`, or choose another engine.',
    })
    expect(await webgpuEngine(without('webgpu', '@tensorflow/tfjs-backend-webgpu')).available()).toMatchObject({
      ok: false,
      remedy: 'Run `npm install webgpu @tensorflow/tfjs-backend-webgpu`, or choose another engine.',
    })
  })

  it('says that no driver has an adapter, or why it failed', async () => {
    expect(await webgpuEngine(dawnWith(async () => null)).available()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('no driver on'),
      remedy: expect.stringContaining('libvulkan1'),
    })
    const failing = dawnWith(async () => {
      throw new Error('the driver answered -3')
    })
    expect(await webgpuEngine(failing).available()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('the driver answered -3'),
    })
  })

  it('tells a GPU from a software adapter', async () => {
    const found = async (info: object) =>
      webgpuEngine(
        dawnWith(async () => ({ info: { isFallbackAdapter: false, architecture: '', ...info } })),
      ).available()
    expect(await found({ description: 'Some GPU 4000' })).toMatchObject({ ok: true, hardware: true })
    expect(await found({ vendor: 'maker', architecture: 'gen-7' })).toMatchObject({
      version: expect.stringContaining('on maker gen-7'),
      hardware: true,
    })
    expect(await found({ description: 'Some GPU', isFallbackAdapter: true })).toMatchObject({ hardware: false })
    expect(await found({ description: 'llvmpipe (LLVM 15)' })).toMatchObject({ ok: true, hardware: false })
  })

  it('looks again after a failure', async () => {
    let there = false
    const engine = webgpuEngine(async (name) => (there ? importPackage(name) : without('webgpu')(name)))
    expect(await engine.available()).toMatchObject({ ok: false, remedy: expect.stringContaining('npm install webgpu') })
    there = true
    const second = await engine.available()
    if (!second.ok) expect(second.remedy).not.toContain('npm install')
  })
})

describe('start without what it needs', () => {
  it('ARCHLOOM_WEBGPU_PACKAGE_MISSING', async () => {
    const thrown = await webgpuEngine(without('webgpu'))
      .start()
      .catch((error: unknown) => error)
    expect(ArchloomError.is(thrown) && thrown.code).toBe('ARCHLOOM_WEBGPU_PACKAGE_MISSING')
  })

  it('ARCHLOOM_WEBGPU_NO_ADAPTER', async () => {
    await expect(webgpuEngine(dawnWith(async () => null)).start()).rejects.toThrow(/^ARCHLOOM_WEBGPU_NO_ADAPTER: /)
  })
})

describeWhere(availability.ok, `kernels${skipped}`, () => {
  it('covers every kernel of the cpu engine, and mends those it has wrong', async () => {
    tf.enableProdMode()
    await webgpuEngine().start()
    await tf.setBackend('webgpu')
    const names = (backend: string) => tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName)
    const own = new Set(names('webgpu'))
    expect(names('cpu').filter((name) => !own.has(name))).toEqual([])
    expect(Object.keys(mistaken).filter((name) => !own.has(name))).toEqual([])
    const sums = tf.cumsum(tf.range(1, 40), 0, false, true).dataSync()
    expect([sums[0], sums[37], sums[38]]).toEqual([780, 77, 39])
    expect([...tf.bincount(tf.tensor1d([1, 1, 3], 'int32'), tf.tensor1d([]), 4).dataSync()]).toEqual([0, 2, 0, 1])
    expect(tf.prod(tf.ones([2, 3]), 1, true).shape).toEqual([2, 1])
    const { values, indices } = tf.unique(tf.tensor1d([5, 5, 7]))
    expect([...values.dataSync(), ...indices.dataSync()]).toEqual([5, 7, 0, 0, 1])
  })
})
