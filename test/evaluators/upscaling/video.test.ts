import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { picture, readPicture, writePicture } from '../../../evaluators/data/images/index.ts'
import { assembleFrames, extractFrames, frameRate } from '../../../evaluators/upscaling/index.ts'
import { describeWhere } from '../../conditional-suites.ts'

let directory: string
const at = (...names: string[]) => join(directory, ...names)

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-video-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const colours = [
  [200, 40, 40],
  [40, 160, 60],
  [30, 60, 220],
] as const

describeWhere(spawnSync('ffmpeg', ['-version']).status === 0, 'films', () => {
  it('come back with their rate, their frames and their colours, odd sizes made even', {
    timeout: 60_000,
  }, async () => {
    for (const [i, colour] of colours.entries()) {
      const pixels = Uint8Array.from({ length: 65 * 97 * 3 }, (_, at) => colour[at % 3] as number)
      await writePicture(at('frames', `frame_00000${i + 1}.png`), picture(65, 97, 3, pixels))
    }
    await assembleFrames(at('frames'), at('made', 'film.mp4'), { framesPerSecond: '30000/1001' })
    expect(await frameRate(at('made', 'film.mp4'))).toBe('30000/1001')
    const back = await extractFrames(at('made', 'film.mp4'), at('back'))
    expect(back).toHaveLength(3)
    for (const [i, path] of back.entries()) {
      const { height, width, pixels } = await readPicture(path)
      expect([height, width]).toEqual([66, 98])
      const middle = 3 * (33 * 98 + 49)
      colours[i]?.forEach((value, c) => {
        expect(Math.abs(pixels[middle + c]! - value)).toBeLessThanOrEqual(4)
      })
    }
  })
})
