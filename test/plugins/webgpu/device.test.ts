import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { webgpuEngine } from '../../../plugins/webgpu/index.ts'
import { Ticks } from '../../../plugins/webgpu/ticks.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { availability, skipped } from './adapter.ts'

const engine = webgpuEngine()

interface Inner extends tf.KernelBackend {
  readonly device: GPUDevice
  readonly tensorMap: { get(dataId: object): { resource: GPUBuffer } }
}
const backend = () => tf.backend() as Inner
const sleep = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))
/** Large enough not to be computed on the processor. */
const ramp = () => tf.range(0, 3000)
const doubled = () => tf.tidy(() => tf.mul(ramp(), 2))

describeWhere(availability.ok, `a WebGPU device in Node${skipped}`, () => {
  beforeEach(async () => {
    await engine.start()
    expect(await tf.setBackend('webgpu')).toBe(true)
  })
  afterEach(() => tf.removeBackend('webgpu'))

  it('is read at once or later, alike', async () => {
    using y = owned(doubled())
    using z = owned(doubled())
    expect(await z.tensor.data()).toEqual(y.tensor.dataSync())
    expect(y.tensor.dataSync()[2999]).toBe(5998)
    expect(tf.tidy(() => tf.greater(ramp(), 2997).dataSync().slice(-3))).toEqual(Uint8Array.of(0, 1, 1))
    expect(tf.tidy(() => tf.cast(tf.mul(ramp(), 1.5), 'int32').dataSync().slice(-2))).toEqual(Int32Array.of(4497, 4498))
  })

  it('is read at once while other reads wait', async () => {
    using y = owned(doubled())
    using z = owned(tf.add(y.tensor, 1))
    const [first, work] = [y.tensor.data(), backend().device.queue.onSubmittedWorkDone()]
    expect(z.tensor.dataSync()[2999]).toBe(5999)
    expect((await first)[2999]).toBe(5998)
    await work
  })

  it('serves a read that outlives its tensor, and two reads of one tensor', async () => {
    const y = doubled()
    const [a, b] = [y.data(), y.data()]
    y.dispose()
    expect((await a)[2999]).toBe(5998)
    expect((await b)[2999]).toBe(5998)
  })

  it('leaves the loop of Node as it was', async () => {
    const original = globalThis.setImmediate
    using y = owned(doubled())
    y.tensor.dataSync()
    await y.tensor.data()
    expect(globalThis.setImmediate).toBe(original)
  })

  it('ARCHLOOM_WEBGPU_TENSOR_TOO_LARGE before the device refuses, and goes on', () => {
    const limit = backend().device.limits.maxStorageBufferBindingSize
    const side = Math.ceil(Math.sqrt(limit / 4)) + 1
    const column = tf.range(0, side)
    expect(() => tf.tidy(() => tf.mul(tf.reshape(column, [side, 1]), tf.reshape(column, [1, side])))).toThrow(
      /ARCHLOOM_WEBGPU_TENSOR_TOO_LARGE: a tensor of shape \[\d+, \d+\] takes \d+ bytes/,
    )
    column.dispose()
    expect(tf.tidy(() => doubled().dataSync()[1])).toBe(2)
  })

  it('ARCHLOOM_WEBGPU_DEVICE_ERROR instead of zeros after a refused command', async () => {
    using y = owned(doubled())
    const { device, tensorMap } = backend()
    // Twice the buffer's size: the device refuses this copy, and everything submitted with it.
    const { resource } = tensorMap.get(y.tensor.dataId)
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(resource, 0, resource, 0, 2 * resource.size)
    device.queue.submit([encoder.finish()])
    expect(() => y.tensor.dataSync()).toThrow(/^ARCHLOOM_WEBGPU_DEVICE_ERROR: the GPU ".+" refused a command: .+/)
    await expect(y.tensor.data()).rejects.toThrow('ARCHLOOM_WEBGPU_DEVICE_ERROR')
    expect(() => tf.tidy(() => doubled())).toThrow('ARCHLOOM_WEBGPU_DEVICE_ERROR')
  })

  it('ARCHLOOM_WEBGPU_DEVICE_LOST from every read and kernel', async () => {
    using y = owned(doubled())
    using z = owned(doubled())
    const pending = z.tensor.data()
    backend().device.destroy()
    await expect(pending).rejects.toThrow('ARCHLOOM_WEBGPU_DEVICE_LOST')
    expect(() => y.tensor.dataSync()).toThrow(/^ARCHLOOM_WEBGPU_DEVICE_LOST: the GPU ".+" was lost: .*resume the study/)
    await sleep(20)
    expect(() => tf.tidy(() => doubled())).toThrow('ARCHLOOM_WEBGPU_DEVICE_LOST')
  })

  it('ARCHLOOM_WEBGPU_DEVICE_LOST for a loss noticed between two steps', async () => {
    backend().device.destroy()
    await sleep(20)
    expect(() => tf.tidy(() => doubled())).toThrow(/DEVICE_LOST: .+ was lost: destroyed/)
  })

  it('ARCHLOOM_WEBGPU_READ_BLOCKED where Dawn asks for no tick', async () => {
    using y = owned(doubled())
    const { prototype } = GPUBuffer
    const original = prototype.mapAsync
    // A later Dawn might wait on a thread of its own.
    prototype.mapAsync = function (this: GPUBuffer) {
      Object.defineProperty(this, 'mapState', { value: 'pending' })
      return new Promise(() => {})
    } as typeof original
    try {
      expect(() => y.tensor.dataSync()).toThrow('ARCHLOOM_WEBGPU_READ_BLOCKED')
    } finally {
      prototype.mapAsync = original
    }
  })

  it('keeps its memory bounded under ever new shapes', () => {
    let most = 0
    for (let i = 0; i < 120; i++) {
      const shape = [1000 + i, 250]
      tf.tidy(() => tf.add(tf.fill(shape, 1), tf.fill(shape, 2)).dataSync()[0])
      const { numBytesAllocatedInGPU } = tf.memory() as unknown as { numBytesAllocatedInGPU: number }
      most = Math.max(most, numBytesAllocatedInGPU)
    }
    // Four buffers of each of the 120 shapes would take 500 MB.
    expect(most).toBeGreaterThan(64e6)
    expect(most).toBeLessThan(100e6)
  })
})

describe('ticks', () => {
  it('run in order, once each, now or in later turns of the loop', async () => {
    const ticks = new Ticks()
    const ran: string[] = []
    ticks.during(() => {
      setImmediate(() => {
        ran.push('first')
        setImmediate(() => ran.push('asked by the first'))
      })
      setImmediate(() => ran.push('second'))
    })
    expect(ran).toEqual([])
    expect(ticks.run()).toBe(true)
    expect(ran).toEqual(['first'])
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done))
    expect(ran).toEqual(['first', 'second', 'asked by the first'])
    expect(ticks.run()).toBe(false)
  })

  it('are given back when the work throws', () => {
    const original = globalThis.setImmediate
    const fail = () => {
      throw new Error('no')
    }
    expect(() => new Ticks().during(fail)).toThrow('no')
    expect(globalThis.setImmediate).toBe(original)
  })
})

const owned = <T extends tf.Tensor>(tensor: T) => ({ tensor, [Symbol.dispose]: () => tensor.dispose() })
