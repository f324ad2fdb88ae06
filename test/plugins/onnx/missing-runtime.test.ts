import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { drawScene } from '../../../evaluators/data/images/index.ts'
import { enlargerOf } from '../../../evaluators/upscaling/index.ts'
import { exportOnnx, openOnnx, openOnnxUpscaler } from '../../../plugins/onnx/index.ts'
import { network } from '../../evaluators/upscaling/models.ts'

vi.mock('onnxruntime-node', () => {
  throw new Error('not installed')
})

it('says what to install where ONNX Runtime is absent', async () => {
  await expect(openOnnx(new Uint8Array(4))).rejects.toThrow(/ARCHLOOM_ONNXRUNTIME_MISSING.*npm install/)
})

it('files that enlarge images run on the engine in use where ONNX Runtime is absent', async () => {
  await useEngine('wasm')
  const directory = mkdtempSync(join(tmpdir(), 'archloom-without-runtime-'))
  try {
    const file = join(directory, 'double.onnx')
    using made = network()
    await exportOnnx(made, { file })
    await using opened = await openOnnxUpscaler(file)
    expect(opened.description).toMatchObject({ scale: 2, reach: 4 })
    const values = Float32Array.from(drawScene(11, 9, seeded('engine')).pixels)
    const ours = await enlargerOf(opened.network).enlarge(values, 11, 9)
    const theirs = await enlargerOf(made).enlarge(values, 11, 9)
    expect(ours.length).toBe(theirs.length)
    for (let i = 0; i < theirs.length; i++) expect(Math.abs(ours[i]! - theirs[i]!)).toBeLessThan(1e-5 * 255)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
