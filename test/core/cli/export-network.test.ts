import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { createSearch, memoryStore, type Network, type SearchSpace } from 'archloom'
import { classify } from 'archloom/evaluators/metrics'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { asha } from 'archloom/plugins/asha'
import { importGraphModel, openOnnx, readSafetensors } from 'archloom/plugins/onnx'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cellSpace } from '../../../search-spaces/cell/index.ts'
import { spaceCases } from '../../search-spaces/spaces.ts'
import { data } from './modules/trained.ts'
import { archloom } from './terminal.ts'

const module = fileURLToPath(new URL('./modules/trained.ts', import.meta.url))
let directory: string
const here = () => ['--directory', directory]
beforeAll(() => {
  // Inside the package, so that exported code finds it.
  mkdirSync('.cache', { recursive: true })
  directory = mkdtempSync(resolve('.cache', 'export-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const weightsOf = ({ trainable, state }: Network) => [...trainable, ...state].map((each) => [...each.dataSync()])

describe('export --to', () => {
  it('writes the network of the best trial, with the accuracy that the trial had, in every format', async () => {
    expect((await archloom('run', module, '--study', 'trained', ...here())).code).toBe(0)
    const at = (name: string) => join(directory, name)
    const onnx = await archloom('export', 'trained', '--to', 'onnx', '--out', at('best.onnx'), '--json', ...here())
    expect(onnx.code, onnx.stderr).toBe(0)
    expect(onnx.json).toMatchObject({ to: 'onnx', input: [8, 8, 3], output: [2] })
    await using model = await openOnnx(readFileSync(at('best.onnx')))
    const [batch] = [...data.validation.batches({ batchSize: 32 })]
    const { values } = await model.apply({
      dims: batch!.inputs.shape,
      values: batch!.inputs.dataSync() as Float32Array,
    })
    const labels = [...batch!.targets.dataSync()]
    const right = labels.filter((label, i) => (values[2 * i + 1]! > values[2 * i]! ? 1 : 0) === label).length
    expect(right / labels.length).toBe(onnx.json.metrics.accuracy)

    const tfjs = await archloom('export', 'trained', '--to', 'tfjs', '--out', at('best'), ...here())
    expect(tfjs.code, tfjs.stderr).toBe(0)
    using graph = await importGraphModel(at('best'))
    const scores = tf.tidy(() => graph.apply(batch!.inputs, { training: false }).dataSync())
    for (const [i, value] of values.entries()) expect(scores[i]).toBeCloseTo(value, 4)
    tf.dispose([batch!.inputs, batch!.targets])

    const out = at('trial.safetensors')
    const args = ['--to', 'safetensors', '--trial', '1', '--out', out]
    expect((await archloom('export', 'trained', ...args, ...here())).code).toBe(0)
    expect((await readSafetensors(out)).weights.length).toBeGreaterThan(0)
  })

  it('says what is missing', async () => {
    const of = async (...args: string[]) => (await archloom('export', ...args, ...here())).stderr
    expect(await of('trained', '--to', 'onnx', '--trial', '7')).toMatch(/ARCHLOOM_SEARCH_NO_SUCH_TRIAL.*from 0 to 1/)
    expect(await of('trained', '--trial', '1')).toContain('--trial requires --to')
    expect(await of('trained', '--to', 'onnx', '--as', 'code')).toContain('cannot be used with')
    const digits = fileURLToPath(new URL('./modules/digits.ts', import.meta.url))
    expect((await archloom('run', digits, '--trials', '3', '--study', 'digits', ...here())).code).toBe(0)
    expect(await of('digits', '--to', 'onnx')).toContain('ARCHLOOM_SEARCH_NO_TRAINING')
    expect(await of('digits', '--to', 'onnx', '--module', module)).toContain('ARCHLOOM_STUDY_MISMATCH')
    await using elsewhere = createSearch({
      space: toySpace(),
      evaluator: () => ({ accuracy: 1 }),
      plugins: [random()],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 1 },
      study: { name: 'elsewhere', directory },
    })
    await elsewhere.finish()
    expect(await of('elsewhere', '--to', 'onnx')).toMatch(/ARCHLOOM_EXPORT_MODULE.*Add --module/)
  })
})

describe('search.train', () => {
  it('continues a paused trial from its saved weights to what an uninterrupted training gives', async () => {
    const evaluator = trainFromScratch({ data, epochs: 4, engine: 'wasm' })
    const compose = (plugins: Parameters<typeof createSearch>[0]['plugins']) =>
      createSearch({
        space: toySpace() as SearchSpace<unknown>,
        evaluator,
        plugins,
        objectives: { accuracy: 'maximise' },
        budget: { maxTrials: 4 },
        study: memoryStore(),
      })
    await using halving = compose([random(), asha({ eta: 2, minFidelity: 0.5 })])
    await halving.finish()
    const paused = halving.record().trials.find(({ status, checkpoint }) => status === 'paused' && checkpoint)!
    expect(paused).toBeDefined()
    using continued = await halving.train(paused.trial)
    await using whole = compose([random()])
    await whole.finish()
    using uninterrupted = await whole.train(paused.trial)
    expect(weightsOf(continued)).toEqual(weightsOf(uninterrupted))
    const { accuracy } = await classify(uninterrupted, data.validation)
    expect(accuracy).toBe(whole.record().trials[paused.trial]!.metrics!.accuracy)
  })
})

describe('export --as code', () => {
  const spaces = [...spaceCases.map(({ space }) => space), cellSpace({ nodes: 2, normalisation: 'group-norm' })]

  it.each(spaces)('runs for $name without another module', async (space) => {
    const study = `code-${spaces.indexOf(space)}`
    await using search = createSearch({
      space: space as SearchSpace<unknown>,
      evaluator: () => ({ accuracy: 1 }),
      plugins: [random()],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 1 },
      study: { name: study, directory },
    })
    await search.finish()
    const out = join(directory, `${study}.ts`)
    const { code, stderr } = await archloom('export', study, '--as', 'code', '--out', out, ...here())
    expect(code, stderr).toBe(0)
    const made = (await import(pathToFileURL(out).href)) as {
      readonly architectures: readonly unknown[]
      readonly build: (architecture: unknown, options: { input: readonly number[]; classes: number }) => Network
    }
    expect(made.architectures).toEqual([search.best(1)[0]!.architecture])
    using network = made.build(made.architectures[0], { input: [32, 32, 3], classes: 3 })
    expect(network.outputShape).toEqual([3])
  })

  it('does not write a call that makes another space', async () => {
    const journal = join(directory, 'code-0', 'journal.jsonl')
    mkdirSync(join(directory, 'other'))
    const text = readFileSync(journal, 'utf8')
      .replaceAll(toySpace().fingerprint, '0123456789abcdef')
      .replaceAll(/,"crc":"\w+"\}$/gm, '}')
    writeFileSync(join(directory, 'other', 'journal.jsonl'), text)
    expect(existsSync(journal)).toBe(true)
    const { stdout } = await archloom('export', 'other', '--as', 'code', ...here())
    expect(stdout).toContain("findSearchSpace('toy')".replaceAll("'", '"'))
  })
})
