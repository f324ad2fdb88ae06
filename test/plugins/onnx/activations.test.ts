import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { loadLayersModel } from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import {
  exportGraphModel,
  exportLayersModel,
  exportOnnx,
  importGraphModel,
  importLayersModel,
  openOnnx,
} from '../../../plugins/onnx/index.ts'
import { activationNames, graphBuilder, graphNetwork, INPUT } from '../../../search-spaces/compression/index.ts'

let directory: string
beforeAll(async () => {
  await useEngine('cpu')
  directory = mkdtempSync(join(tmpdir(), 'archloom-activations-'))
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

const official = (path: string) => {
  const json = JSON.parse(readFileSync(join(path, 'model.json'), 'utf8'))
  const [{ paths, weights: weightSpecs }] = json.weightsManifest
  const weightData = Uint8Array.from(Buffer.concat(paths.map((name: string) => readFileSync(join(path, name))))).buffer
  return loadLayersModel(tf.io.fromMemory({ ...json, weightSpecs, weightData }) as never)
}

/** Every activation, with the slope or scale that it may have. */
const cases = activationNames.flatMap((activation) =>
  (activation === 'elu' || activation === 'leaky-relu' ? [undefined, 0.3, 1, 1.5] : [undefined]).map(
    (alpha) => [activation, alpha] as const,
  ),
)

describe('activations leave and come back', () => {
  for (const last of [false, true])
    it.each(cases)(`%s of %s, ${last ? 'last' : 'between layers'}, through every door`, async (activation, alpha) => {
      const build = graphBuilder(seeded(1))
      const first = build.dense('first', build.add('flat', { op: 'flatten' }, INPUT), 5, 4)
      const active = build.add('active', { op: 'activation', activation, ...(alpha !== undefined && { alpha }) }, first)
      const output = last ? active : build.dense('last', active, 4, 3)
      using net = graphNetwork({ inputShape: [1, 1, 5], nodes: build.nodes, output })
      const x = tf.randomUniform([6, 1, 1, 5], -6, 6, 'float32', 3)
      const expected = net.apply(x, { training: false }).dataSync()
      const agree = (values: ArrayLike<number>, door: string) => {
        expect(values.length, door).toBe(expected.length)
        for (const [i, value] of [...expected].entries()) expect(Math.abs(values[i]! - value), door).toBeLessThan(2e-5)
      }
      const [layers, graph] = [join(directory, 'layers'), join(directory, 'graph')]
      await exportLayersModel(net, layers)
      await exportGraphModel(net, graph)
      // tf.js itself knows no other scale of ELU than 1; Keras does.
      if (activation === 'elu' && (alpha ?? 1) !== 1)
        await expect(official(layers)).rejects.toThrow('Non-default alpha')
      else {
        const model = await official(layers)
        agree((model.predict(x) as tf.Tensor).dataSync(), 'loadLayersModel')
        model.dispose()
      }
      using ofLayers = await importLayersModel(layers)
      using ofGraph = await importGraphModel(graph)
      agree(ofLayers.apply(x, { training: false }).dataSync(), 'importLayersModel')
      agree(ofGraph.apply(x, { training: false }).dataSync(), 'importGraphModel')
      await using opened = await openOnnx((await exportOnnx(net)).model)
      agree((await opened.apply({ dims: x.shape, values: x.dataSync() as Float32Array })).values, 'openOnnx')
      x.dispose()
    })
})
