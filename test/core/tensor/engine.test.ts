import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import {
  currentEngine,
  type DoctorReport,
  doctorReport,
  type EngineDefinition,
  formatDoctorReport,
  listEngines,
  probe,
  registerEngine,
  useEngine,
} from '../../../core/tensor/index.ts'
import { threadsWanted } from '../../../core/tensor/threads.ts'

const definition = (name: string, parts: Partial<EngineDefinition>): EngineDefinition => ({
  name,
  describe: `test engine ${name}`,
  priority: -1,
  available: async () => ({ ok: true, version: '1' }),
  start: async () => undefined,
  ...parts,
})
registerEngine(
  definition('absent', {
    available: async () => ({ ok: false, reason: 'no such hardware', remedy: 'Buy some.' }),
    priority: 1000,
  }),
)
registerEngine(
  definition('broken', {
    available: async () => {
      throw new TypeError('cannot open the library')
    },
    priority: 999,
  }),
)
registerEngine(
  definition('fails', {
    start: async () => {
      throw new RangeError('out of luck')
    },
    priority: 998,
    ships: true,
  }),
)

// In order: nothing is chosen before the first of these that succeeds.
describe('useEngine', () => {
  it('ARCHLOOM_ENGINE_NOT_CHOSEN at first', () => {
    expect(() => currentEngine()).toThrow('ARCHLOOM_ENGINE_NOT_CHOSEN')
  })

  it('ARCHLOOM_ENGINE_UNKNOWN lists the names', async () => {
    await expect(useEngine('cuda')).rejects.toThrow(/ARCHLOOM_ENGINE_UNKNOWN: there is no engine "cuda"; .*"wasm"/)
  })

  it('ARCHLOOM_ENGINE_UNAVAILABLE says why and what to do', async () => {
    await expect(useEngine('absent')).rejects.toThrow(
      'ARCHLOOM_ENGINE_UNAVAILABLE: engine "absent" cannot run here: no such hardware. Buy some.',
    )
    await expect(useEngine('broken')).rejects.toThrow('cannot open the library')
    await expect(useEngine('fails')).rejects.toThrow('out of luck')
  })

  it('ARCHLOOM_ENGINE_THREADS before anything is chosen', async () => {
    const before = process.env.ARCHLOOM_THREADS
    try {
      for (const senseless of ['abc', '0', '-2', '1.5']) {
        process.env.ARCHLOOM_THREADS = senseless
        await expect(useEngine()).rejects.toThrow(`ARCHLOOM_ENGINE_THREADS: ARCHLOOM_THREADS is "${senseless}"`)
        await expect(doctorReport()).rejects.toThrow('ARCHLOOM_ENGINE_THREADS')
      }
    } finally {
      if (before === undefined) delete process.env.ARCHLOOM_THREADS
      else process.env.ARCHLOOM_THREADS = before
    }
    expect(threadsWanted({ ARCHLOOM_THREADS: '3' })).toBe(3)
    expect(threadsWanted({ ARCHLOOM_THREADS: '' })).toBe(threadsWanted({}))
  })

  it('lists engines without starting any', async () => {
    const listed = await listEngines()
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['cpu', 'wasm', 'onnxruntime']))
    expect(listed.map(({ priority }) => priority)).toEqual(listed.map(({ priority }) => priority).sort((a, b) => b - a))
    expect(listed[0]).toMatchObject({ name: 'absent', available: false, remedy: 'Buy some.' })
    expect(listed[1]).toMatchObject({ name: 'broken', available: false, reason: 'cannot open the library' })
    expect(Object.keys(tf.engine().registryFactory)).toEqual([])
  })

  it('auto passes over what fails, takes the best that can train, and stays', async () => {
    const warned: Error[] = []
    const listen = (warning: Error) => void warned.push(warning)
    process.on('warning', listen)
    const report = await useEngine('auto')
    await new Promise(setImmediate)
    process.off('warning', listen)
    // Of those alone that come with the package.
    expect(warned.map(({ message }) => message)).toEqual([
      'the engine "fails" is skipped: ARCHLOOM_ENGINE_UNAVAILABLE: engine "fails" cannot run here: out of luck. Reinstall its package, or use \'auto\'.',
    ])
    const best = (await listEngines()).find(
      ({ name, available, hardware }) => available && hardware !== false && name !== 'fails',
    )
    expect(report.name).toBe(best?.name)
    expect(report.missingKernels).toEqual([])
    expect(tf.getBackend()).toBe(report.name)
    expect(await useEngine()).toBe(report)
    expect(await useEngine(report.name)).toBe(report)
    expect(currentEngine()).toBe(report)
  })

  it('ARCHLOOM_ENGINE_ALREADY_CHOSEN for another name', async () => {
    const other = currentEngine().name === 'cpu' ? 'wasm' : 'cpu'
    await expect(useEngine(other)).rejects.toThrow('ARCHLOOM_ENGINE_ALREADY_CHOSEN')
    expect(tf.getBackend()).toBe(currentEngine().name)
  })

  it('leaves the process its own way to end', () => {
    // A WebAssembly engine would add listeners that rethrow.
    const added = process.rawListeners('uncaughtException').filter((listener) => /ExitStatus/.test(String(listener)))
    expect(added).toEqual([])
  })
})

it('ARCHLOOM_ENGINE_PROBE_FAILED carries the reason of that process', async () => {
  await expect(probe('cuda')).rejects.toThrow(/ARCHLOOM_ENGINE_PROBE_FAILED: .*ARCHLOOM_ENGINE_UNKNOWN/)
  await expect(probe('cpu', { timeoutMs: 1 })).rejects.toThrow('it did not answer in time')
})

// Every engine in turn, each in a process that has to start on a machine that may be busy.
it('doctor reports every engine, and the text names what to do', { timeout: 240_000 }, async () => {
  const report: DoctorReport = await doctorReport()
  expect(report.engines.map(({ name }) => name)).toEqual((await listEngines()).map(({ name }) => name))
  const wasm = report.engines.find(({ name }) => name === 'wasm')?.probe
  expect(wasm).toMatchObject({ name: 'wasm', missingKernels: [], missingGradients: [] })
  expect(wasm?.fillIns).toContainEqual({ kernel: 'Conv2DBackpropFilter', why: 'missing' })
  expect(wasm?.speed.matmulGflops).toBeGreaterThan(0)
  expect(wasm?.speed.trainingGflops).toBeGreaterThan(0)
  // Measured elsewhere: this process still runs on its own engine.
  expect(tf.getBackend()).toBe(currentEngine().name)
  // An engine registered in this process only is unknown to the other.
  expect(report.engines.find(({ name }) => name === 'fails')?.probeFailure).toContain('ARCHLOOM_ENGINE_UNKNOWN')
  expect(report.auto).toBe(currentEngine().name)
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  const text = formatDoctorReport(report)
  expect(text).toContain(`${report.auto} *`)
  expect(text).toContain('absent: Buy some.')
  expect(text).toMatch(/wasm: filled in Conv2DBackpropFilter, /)
})
