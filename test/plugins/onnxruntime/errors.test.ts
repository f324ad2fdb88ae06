import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../../plugins/onnxruntime/arena.ts'
import { type BindingSource, bindingFrom, loadBinding } from '../../../plugins/onnxruntime/binding.ts'
import { engine } from '../../../plugins/onnxruntime/index.ts'
import { Sessions } from '../../../plugins/onnxruntime/sessions.ts'
import { start } from '../../../plugins/onnxruntime/start.ts'
import { Memory } from '../../../plugins/onnxruntime/storage.ts'

const require = createRequire(import.meta.url)
const installed: BindingSource = {
  load: require,
  resolve: require.resolve,
  platform: process.platform,
  arch: process.arch,
}
/** The installed package with some of its modules replaced. */
const withModules = (modules: Record<string, unknown>, more: Partial<BindingSource> = {}): BindingSource => ({
  ...installed,
  load: (path) => {
    const found = Object.entries(modules).find(([name]) => path.endsWith(name))
    if (!found) return require(path)
    if (found[1] instanceof Error) throw found[1]
    return found[1]
  },
  ...more,
})

describe('the binding', () => {
  it('is there', async () => {
    expect(await engine.available()).toMatchObject({ ok: true, version: expect.stringMatching(/^1\./) })
  })

  it('says that the package is missing: ARCHLOOM_ONNXRUNTIME_MISSING', () => {
    const missing = withModules({ 'onnxruntime-node/package.json': new Error("Cannot find module 'onnxruntime-node'") })
    expect(() => bindingFrom(missing)).toThrow(/ARCHLOOM_ONNXRUNTIME_MISSING.*Cannot find module.*npm install/)
    const broken = withModules({ 'dist/binding.js': new Error('libonnxruntime.so.1: cannot open shared object file') })
    expect(() => bindingFrom(broken)).toThrow(/ARCHLOOM_ONNXRUNTIME_MISSING.*cannot open shared object file/)
  })

  it('says that the platform has no library: ARCHLOOM_ONNXRUNTIME_PLATFORM', () => {
    const source = { ...installed, platform: 'aix', arch: 'ppc64' }
    expect(() => bindingFrom(source)).toThrow(/ARCHLOOM_ONNXRUNTIME_PLATFORM.*aix\/ppc64.*linux\/x64/)
  })

  it('says what a new version moved: ARCHLOOM_ONNXRUNTIME_BINDING_MOVED', () => {
    const moved = {
      ...installed,
      resolve: (path: string) => (path.endsWith('binding.js') ? fail() : require.resolve(path)),
    }
    expect(() => bindingFrom(moved)).toThrow(/ARCHLOOM_ONNXRUNTIME_BINDING_MOVED.*dist\/binding.js/)
    class InferenceSession {
      loadModel() {}
      dispose() {}
    }
    const asynchronous = withModules({ 'dist/binding.js': { binding: { InferenceSession, initOrtOnce: () => {} } } })
    expect(() => bindingFrom(asynchronous)).toThrow(/ARCHLOOM_ONNXRUNTIME_BINDING_MOVED.*InferenceSession.run/)
  })
})

const fail = (): never => {
  throw new Error('no such file')
}

describe('outputs', () => {
  it('are not copied once more, however often the engine was asked for before', async () => {
    await engine.available()
    const sessions = new Sessions(loadBinding(), { threads: 1, limit: 2 })
    const [x, y] = [new Float32Array(1 << 20).fill(-1), new Float32Array(1 << 20).fill(5)]
    const run = () =>
      sessions.run('relu', (g) => g.output(g.op('Relu', [g.input('x', [x.length])]), [x.length]), 1, [x], [y])
    run()
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 5; i++) run()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(y.byteLength)
    expect(y.every((value) => value === 0)).toBe(true)
  })
})

describe('the engine', () => {
  it('names a graph that ONNX Runtime refuses: ARCHLOOM_ONNXRUNTIME_GRAPH', () => {
    const sessions = new Sessions(loadBinding(), { threads: 1, limit: 2 })
    const x = new Float32Array(4)
    const build = (op: string) => () =>
      sessions.run(op, (g) => g.output(g.op(op, [g.input('x', [4])]), [4]), 1, [x], [new Float32Array(4)])
    expect(build('NoSuchOperator')).toThrow(/ARCHLOOM_ONNXRUNTIME_GRAPH.*NoSuchOperator/)
    const wrongShape = () =>
      sessions.run('wrong', (g) => g.output(g.op('Relu', [g.input('x', [4])]), [3]), 1, [x], [new Float32Array(3)])
    expect(wrongShape).toThrow('ARCHLOOM_ONNXRUNTIME_GRAPH')
  })

  it('keeps no more threads than allowed, whatever the sessions own', () => {
    const sessions = new Sessions(loadBinding(), { threads: 4, limit: 100, threadLimit: 10 })
    const [x, y] = [new Float32Array(8), new Float32Array(8)]
    const run = (name: string, work: number) =>
      sessions.run(name, (g) => g.output(g.op('Relu', [g.input('x', [8])]), [8]), work, [x], [y])
    for (let i = 0; i < 8; i++) run(`large ${i}`, 1e9)
    expect([sessions.size, sessions.threads]).toEqual([3, 9])
    for (let i = 0; i < 8; i++) run(`small ${i}`, 1)
    expect([sessions.size, sessions.threads]).toEqual([11, 9])
    sessions.clear()
    expect([sessions.size, sessions.threads]).toEqual([0, 0])
  })

  it('says when memory is full, and uses freed blocks again: ARCHLOOM_ONNXRUNTIME_MEMORY_FULL', () => {
    const memory = new Memory(new Arena(1))
    const first = memory.floats(8_000)
    const second = memory.floats(8_000)
    expect(() => memory.floats(8_000)).toThrow(/ARCHLOOM_ONNXRUNTIME_MEMORY_FULL.*32000 bytes/)
    memory.recycle(first)
    memory.recycle(second)
    // Neighbours have grown together again.
    expect(memory.floats(16_000).length).toBe(16_000)
  })

  it('refuses senseless options: ARCHLOOM_OPTION', () => {
    expect(() => start({ threads: 0 })).toThrow(/ARCHLOOM_OPTION.*threads" is 0/)
  })
})
