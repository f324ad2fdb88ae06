import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { drawScene, upscaleBicubic } from '../../../evaluators/data/images/index.ts'
import { enlargerOf, upscaleTiled } from '../../../evaluators/upscaling/index.ts'
import { exportOnnx, openOnnxUpscaler } from '../../../plugins/onnx/index.ts'
import { network } from '../../evaluators/upscaling/models.ts'
import { type FileNode, onnxFile } from './imports/onnx-files.ts'

let directory: string
const at = (name: string) => join(directory, name)
beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-onnx-upscaler-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

type Dims = readonly (number | string)[]
/** A file of these nodes from x to y. */
function saved(name: string, dims: Dims, nodes: readonly FileNode[], constants: Parameters<typeof onnxFile>[3] = []) {
  writeFileSync(
    at(name),
    onnxFile(nodes, [{ name: 'x', dims }], [{ name: 'y', dims: ['n', 'a', 'b', 'c'] }], constants),
  )
  return at(name)
}

const resized: readonly FileNode[] = [
  {
    op: 'Resize',
    inputs: ['x', '', 'scales'],
    outputs: ['y'],
    attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  },
]
const scales = (...floats: number[]) => [{ name: 'scales', dims: [4], floats }]

const doubled = ({ height, width, pixels }: ReturnType<typeof drawScene>) =>
  Array.from({ length: height * width * 12 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % (2 * width), Math.floor(i / (6 * width))]
    return pixels[((y >> 1) * width + (x >> 1)) * 3 + c]!
  })

describe('ONNX files that enlarge images', () => {
  it('of archloom compute what their network does', async () => {
    using made = network()
    await exportOnnx(made, { file: at('double.onnx') })
    await using opened = await openOnnxUpscaler(at('double.onnx'))
    expect(opened.range).toBe(255)
    expect(opened.description).toMatchObject({ kind: 'onnx', scale: 2, reach: 4 })
    const image = drawScene(19, 23, seeded('image'))
    const ours = await enlargerOf(opened.network).enlarge(Float32Array.from(image.pixels), 19, 23)
    const theirs = await enlargerOf(made).enlarge(Float32Array.from(image.pixels), 19, 23)
    for (let i = 0; i < theirs.length; i++) expect(Math.abs(ours[i]! - theirs[i]!)).toBeLessThan(1e-5 * 255)
    const whole = await upscaleTiled({ network: opened.network, reach: 4 }, image)
    const tiles = await upscaleTiled({ network: opened.network, reach: 4 }, image, { tile: 12 })
    expect(tiles.pixels).toEqual(whole.pixels)
  })

  it('of PyTorch: channels first, of any size or one; values up to 1 where the file clips them', async () => {
    const image = drawScene(21, 26, seeded('image'))
    const clipped: readonly FileNode[] = [
      { op: 'Clip', inputs: ['x', 'low', 'high'], outputs: ['z'] },
      { ...resized[0]!, inputs: ['z', '', 'scales'] },
    ]
    const limits = [
      { name: 'low', dims: [], floats: [0] },
      { name: 'high', dims: [], floats: [1] },
    ]
    for (const [name, dims] of [
      ['open.onnx', ['n', 3, 'h', 'w']],
      ['fixed.onnx', [1, 3, 36, 40]],
    ] as const) {
      const file = saved(name, dims, clipped, [...scales(1, 1, 2, 2), ...limits])
      await using opened = await openOnnxUpscaler(file)
      expect([opened.range, opened.description.scale]).toEqual([1, 2])
      const large = await upscaleTiled({ network: opened.network, reach: opened.description.reach }, image)
      expect([...large.pixels]).toEqual(doubled(image))
    }
    await using stated = await openOnnxUpscaler(at('open.onnx'), { range: 255 })
    const dark = await upscaleTiled({ network: stated.network, reach: 0 }, image)
    expect(Math.max(...dark.pixels)).toBe(1)
  })

  it('of one channel enlarge the luma, and the colours follow by bicubic', async () => {
    const file = saved('luma.onnx', ['n', 1, 'h', 'w'], resized, scales(1, 1, 2, 2))
    await using opened = await openOnnxUpscaler(file)
    const image = drawScene(18, 16, seeded('luma'))
    const large = await upscaleTiled({ network: opened.network, reach: 0 }, image)
    const smooth = upscaleBicubic(image, 2)
    const lumas = (pixels: ArrayLike<number>, i: number) =>
      0.299 * pixels[3 * i]! + 0.587 * pixels[3 * i + 1]! + 0.114 * pixels[3 * i + 2]!
    const expected = doubled(image)
    let compared = 0
    for (let i = 0; i < large.pixels.length / 3; i++) {
      const own = [0, 1, 2].map((c) => large.pixels[3 * i + c]!)
      // Values that were clipped lose luma.
      const plain = [0, 1, 2].map((c) => smooth.pixels[3 * i + c]!)
      if ([...own, ...plain].some((value) => value === 0 || value === 255)) continue
      compared++
      expect(Math.abs(lumas(large.pixels, i) - lumas(expected, i))).toBeLessThan(1)
      expect(Math.abs(own[0]! - own[1]! - (plain[0]! - plain[1]!))).toBeLessThan(2.1)
    }
    expect(compared).toBeGreaterThan(300)
  })

  it('whose sides must be multiples get them', async () => {
    const nodes: readonly FileNode[] = [
      { op: 'SpaceToDepth', inputs: ['x'], outputs: ['z'], attributes: { blocksize: 8 } },
      { op: 'DepthToSpace', inputs: ['z'], outputs: ['w'], attributes: { blocksize: 8 } },
      { ...resized[0]!, inputs: ['w', '', 'scales'] },
    ]
    await using opened = await openOnnxUpscaler(saved('windows.onnx', ['n', 3, 'h', 'w'], nodes, scales(1, 1, 2, 2)))
    const image = drawScene(13, 17, seeded('windows'))
    const large = await upscaleTiled({ network: opened.network, reach: 0 }, image)
    expect([...large.pixels]).toEqual(doubled(image))
  })

  it('are refused where they do something else', async () => {
    const refused = (file: string) => expect(openOnnxUpscaler(file)).rejects
    await refused(saved('half.onnx', ['n', 3, 'h', 'w'], resized, scales(1, 1, 0.5, 0.5))).toThrow(
      /ARCHLOOM_ONNX_UPSCALER: .*gives values of the shape \[1,3,10,12\]/,
    )
    await refused(saved('wide.onnx', ['n', 3, 'h', 'w'], resized, scales(1, 1, 2, 3))).toThrow('ARCHLOOM_ONNX_UPSCALER')
    await refused(saved('five.onnx', ['n', 5, 'h', 'w'], resized, scales(1, 1, 2, 2))).toThrow(
      /\[open, 5, open, open\]/,
    )
    await refused(saved('four.onnx', [4, 3, 'h', 'w'], resized, scales(1, 1, 2, 2))).toThrow(/4 images at once/)
    await refused(at('none.onnx')).toThrow('ARCHLOOM_ONNX_FILE')
    writeFileSync(at('text.onnx'), 'no model')
    await refused(at('text.onnx')).toThrow('ARCHLOOM_ONNX_FILE')
    await expect(openOnnxUpscaler(at('open.onnx'), { range: 2 as 1 })).rejects.toThrow(/ARCHLOOM_OPTION.*1 or 255/)
  })
})
