import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { readPicture, upscaleBicubic } from '../../../evaluators/data/images/index.ts'
import {
  describeFilm,
  type LoadedUpscaler,
  loadUpscaler,
  saveUpscaler,
  upscaleFilm,
} from '../../../evaluators/upscaling/index.ts'
import { buildCompactNetwork } from '../../../search-spaces/super-resolution/index.ts'
import { describeWhere } from '../../conditional-suites.ts'

let directory: string
let model: LoadedUpscaler
const at = (...names: string[]) => join(directory, ...names)

beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-film-'))
  const options = { scale: 2, features: 4, blocks: 1 }
  // A new network is bicubic enlargement.
  using made = buildCompactNetwork(options, { input: [8, 8, 3], rng: seeded('film') })
  await saveUpscaler(at('model'), made, { kind: 'compact', options, reach: 4 })
  model = await loadUpscaler(at('model'))
}, 60_000)
afterAll(() => {
  model[Symbol.dispose]()
  rmSync(directory, { recursive: true })
})

const path = process.env.PATH
afterEach(() => {
  process.env.PATH = path
})

/** Programs of this name that do as the scripts say. */
function programs(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(at('bin-'))
  for (const [name, script] of Object.entries(files)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  process.env.PATH = `${folder}${delimiter}${path}`
}

const stream = (more: object) => ({ codec_type: 'video', width: 6, height: 4, avg_frame_rate: '25/1', ...more })
const probe = (...streams: object[]) =>
  `cat <<'JSON'\n${JSON.stringify({ streams, format: { duration: '0.2' } })}\nJSON`
/** Five frames of 6×4 pixels, all of one value; the encoder keeps what it is given. */
const five = (told: string) => `echo "$@" >> ${told}; for last; do :; done
case "$last" in pipe:1) head -c 360 /dev/zero | tr '\\0' 'x';; *) cat > "$last";; esac`

describe('films, through stand-ins for ffmpeg', () => {
  it('go through pipes frame by frame, with their rate and their sound', async () => {
    programs({ ffprobe: probe(stream({}), { codec_type: 'audio' }), ffmpeg: five(at('told.txt')) })
    expect(await describeFilm(at('film.mp4'))).toEqual({ height: 4, width: 6, rate: '25/1', frames: 5, sounds: 1 })
    const shown: [number, number | undefined][] = []
    const done = await upscaleFilm(model, at('film.mp4'), at('large', 'film.mkv'), {
      onProgress: (frames, of) => shown.push([frames, of]),
    })
    expect(done).toMatchObject({ frames: 5, size: ['6×4', '12×8'], scale: 2, notes: [] })
    expect(shown).toEqual([1, 2, 3, 4, 5].map((n) => [n, 5]))
    const written = readFileSync(at('large', 'film.mkv'))
    expect([written.length, [...new Set(written)]]).toEqual([5 * 8 * 12 * 3, ['x'.charCodeAt(0)]])
    expect(readdirSync(at('large'))).toEqual(['film.mkv'])
    const told = readFileSync(at('told.txt'), 'utf8').trim().split('\n').sort()
    expect(told.find((line) => line.endsWith('pipe:1'))).toContain('-map 0:v:0 -r 25/1')
    expect(told.find((line) => !line.endsWith('pipe:1'))).toMatch(/-s 12x8 -r 25\/1 -i pipe:0 -i .*film\.mp4 .*-map 1:a\? .*-c:a copy/) // biome-ignore format: one line
  })

  it('that were turned have turned frames, and sizes that are odd are made even', async () => {
    const turned = stream({ side_data_list: [{ rotation: -90 }], height: 6, width: 4 })
    programs({ ffprobe: probe(turned), ffmpeg: five(at('turned.txt')) })
    const done = await upscaleFilm(model, at('film.mp4'), at('turned.webm'), { to: { width: 9 } })
    expect(done).toMatchObject({ size: ['6×4', '10×6'] })
    expect(done.notes).toEqual(['the film has no sound', 'sides made even, as encoders require'])
    expect(statSync(at('turned.webm')).size).toBe(5 * 6 * 9 * 3)
    expect(readFileSync(at('turned.txt'), 'utf8')).toMatch(/pad=10:6,.* -c:v libvpx-vp9/)
  })

  it('that cannot be read or written leave nothing behind, and the program says why', async () => {
    const failing = async (files: Readonly<Record<string, string>>, reason: RegExp, options = {}, to = 'x.mp4') => {
      programs(files)
      await expect(upscaleFilm(model, at('film.mp4'), at(to), options)).rejects.toThrow(reason)
      expect(readdirSync(directory).filter((name) => name.includes('x.'))).toEqual([])
    }
    const ffprobe = probe(stream({}))
    const broken = `for last; do :; done; case "$last" in pipe:1) head -c 72 /dev/zero; echo "corrupt data" >&2; exit 1;; *) cat > "$last";; esac` // biome-ignore format: one line
    await failing({ ffprobe, ffmpeg: broken }, /ARCHLOOM_VIDEO: .*film\.mp4.*corrupt data/)
    const full = `for last; do :; done; case "$last" in pipe:1) head -c 360 /dev/zero;; *) head -c 10 > "$last"; echo "No space left" >&2; exit 1;; esac` // biome-ignore format: one line
    await failing({ ffprobe, ffmpeg: full }, /ARCHLOOM_VIDEO: .*x\.mp4.*No space left/)
    const nothing = `for last; do :; done; case "$last" in pipe:1) ;; *) cat > "$last";; esac`
    await failing({ ffprobe, ffmpeg: nothing }, /ARCHLOOM_VIDEO: .*no frame that can be decoded/)
    await failing({ ffprobe: probe({ codec_type: 'audio' }) }, /it has no pictures/)
    await failing({ ffprobe: probe(stream({ color_transfer: 'smpte2084' })) }, /high dynamic range/)
    await failing({ ffprobe: 'echo "moov atom not found" >&2; exit 1' }, /moov atom not found/)
    await failing({ ffprobe }, /ARCHLOOM_UPSCALING_PATHS: .*films are written as \.mp4/, {}, 'x.gif')
    await failing({ ffprobe }, /ARCHLOOM_UPSCALING_SCALE/, { scale: 3 })
    await failing({ ffprobe: probe(stream({ width: 40_000, height: 20_000 })) }, /ARCHLOOM_UPSCALING_SIZE/)
    await failing({ ffprobe }, /ARCHLOOM_OPTION.*quality/, { quality: 0 })
  })

  it('stop when asked to, and leave nothing behind', async () => {
    programs({
      ffprobe: probe(stream({})),
      ffmpeg: `for last; do :; done; case "$last" in pipe:1) head -c 144 /dev/zero; exec sleep 60;; *) exec cat > "$last";; esac`, // biome-ignore format: one line
    })
    const stop = new AbortController()
    const onProgress = (frames: number) => frames === 2 && stop.abort(new Error('enough'))
    await expect(upscaleFilm(model, at('film.mp4'), at('x.mp4'), { signal: stop.signal, onProgress })).rejects.toThrow(
      'enough',
    )
    expect(readdirSync(directory).filter((name) => name.includes('x.'))).toEqual([])
  })

  it('need ffmpeg, and say how to install it', async () => {
    process.env.PATH = at('nowhere')
    await expect(upscaleFilm(model, at('film.mp4'), at('x.mp4'))).rejects.toThrow(
      /ARCHLOOM_VIDEO: .*ffprobe is not installed.*apt-get install ffmpeg/,
    )
  })
})

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 && spawnSync('ffprobe', ['-version']).status === 0
describeWhere(hasFfmpeg, 'films, through ffmpeg', () => {
  const ffmpeg = (...args: string[]) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { encoding: 'utf8' })
  const facts = (file: string) => {
    const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', file]
    const { streams } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })) as { streams: Record<string, unknown>[] } // biome-ignore format: one line
    const kind = (type: string) => streams.find(({ codec_type }) => codec_type === type)
    return { video: kind('video'), audio: kind('audio') }
  }
  /** A checksum of the packets of the sound. */
  const sound = (file: string) => ffmpeg('-i', file, '-map', '0:a', '-c', 'copy', '-f', 'md5', '-')

  it.each(['mp4', 'mkv', 'mov'])(
    'double in size as %s, with every frame and the very sound',
    { timeout: 60_000 },
    async (format) => {
      const [film, large] = [at(`film.${format}`), at(`large.${format}`)]
      const picture = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=30000/1001:duration=1']
      const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=1']
      ffmpeg(...picture, ...tone, '-pix_fmt', 'yuv420p', '-shortest', '-metadata', 'title=Test', film)
      const before = facts(film)
      const done = await upscaleFilm(model, film, large)
      const after = facts(large)
      expect(done).toMatchObject({ frames: 30, size: ['64×48', '128×96'], notes: [] })
      expect(after.video).toMatchObject({ width: 128, height: 96, nb_read_frames: '30', avg_frame_rate: '30000/1001' })
      expect(after.audio?.codec_name).toBe(before.audio?.codec_name)
      expect(sound(large)).toBe(sound(film))
      expect(ffmpeg('-i', large, '-f', 'ffmetadata', '-')).toMatch(/title=Test/)
      const frame = async (file: string) => {
        ffmpeg('-i', file, '-vf', 'select=eq(n\\,12)', '-frames:v', '1', at('frame.png'))
        return readPicture(at('frame.png'))
      }
      const [small, result] = [await frame(film), await frame(large)]
      const expected = upscaleBicubic(small, 2).pixels
      const apart = result.pixels.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / expected.length
      expect(apart).toBeLessThan(6)
    },
  )

  it('without sound, of a part of the size', { timeout: 60_000 }, async () => {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=50x30:rate=5:duration=1', at('mute.avi'))
    const done = await upscaleFilm(model, at('mute.avi'), at('mute.mp4'), { scale: 1.5 })
    expect(done).toMatchObject({ frames: 5, size: ['50×30', '76×46'] })
    expect(done.notes).toContain('the film has no sound')
    expect(facts(at('mute.mp4')).video).toMatchObject({ width: 76, height: 46, nb_read_frames: '5' })
    writeFileSync(at('text.mp4'), 'no film')
    await expect(upscaleFilm(model, at('text.mp4'), at('y.mp4'))).rejects.toThrow('ARCHLOOM_VIDEO')
    expect(existsSync(at('y.mp4'))).toBe(false)
  })
})
