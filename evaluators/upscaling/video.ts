import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../core/errors.ts'
import { optionNames } from '../../core/options/index.ts'
import { picturesIn } from '../data/images/files.ts'
import { error } from './errors.ts'

const run = promisify(execFile)
const FRAMES = 'frame_%06d.png'

/** Runs one of the programs of ffmpeg. If it fails, its last output is the reason. */
export async function ffmpeg(path: string, program: 'ffmpeg' | 'ffprobe', args: readonly string[]): Promise<string> {
  try {
    return (await run(program, [...args], { maxBuffer: 1 << 24 })).stdout
  } catch (cause) {
    const missing = (cause as { code?: unknown }).code === 'ENOENT'
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1)
    const reason = missing ? `${program} is not installed` : said || messageOf(cause)
    throw error('ARCHLOOM_VIDEO', { path, reason }, { cause })
  }
}

/** Frames per second of a film file, as a fraction ('24/1', '30000/1001'). Error: ARCHLOOM_VIDEO. */
export async function frameRate(file: string): Promise<string> {
  const wanted = ['-select_streams', 'v:0', '-show_entries', 'stream=r_frame_rate', '-of', 'csv=p=0']
  const rate = (await ffmpeg(file, 'ffprobe', ['-v', 'error', ...wanted, resolve(file)])).trim()
  if (!/^\d+\/\d+$/.test(rate)) throw error('ARCHLOOM_VIDEO', { path: file, reason: `its frame rate reads "${rate}"` })
  return rate
}

/**
 * Writes every frame of a film file as a PNG, in order, and returns their paths. Needs ffmpeg. Error: ARCHLOOM_VIDEO.
 */
export async function extractFrames(file: string, folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  await ffmpeg(file, 'ffmpeg', ['-v', 'error', '-y', '-i', resolve(file), resolve(folder, FRAMES)])
  return picturesIn(folder)
}

/** Converts colours to those of high-definition films and makes sizes even, as the format requires. */
const FILTER = 'pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv'
const COLOURS = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv']

const assembleFramesNames = optionNames<{ readonly framesPerSecond?: string }>('assembleFrames', {
  framesPerSecond: true,
})

/** Makes a film without sound from the files frame_000001.png, … in a folder. Needs ffmpeg. Error: ARCHLOOM_VIDEO. */
export async function assembleFrames(
  folder: string,
  file: string,
  given: { readonly framesPerSecond?: string } = {},
): Promise<void> {
  const { framesPerSecond = '24/1' } = assembleFramesNames(given)
  await mkdir(dirname(file), { recursive: true })
  const input = ['-framerate', framesPerSecond, '-i', join(resolve(folder), FRAMES)]
  const output = ['-vf', FILTER, '-pix_fmt', 'yuv420p', ...COLOURS, resolve(file)]
  await ffmpeg(file, 'ffmpeg', ['-v', 'error', '-y', ...input, ...output])
}
