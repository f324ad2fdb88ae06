import { readFile, stat } from 'node:fs/promises'
import type { SearchEvent } from '../../core/index.ts'
import { error } from './errors.ts'
import type { ReportedImages } from './reported-images.ts'

/** Bytes of an image at most. */
const LIMIT = 16 << 20

/** What the first bytes of an image file say that it is. SVG is not among them: it may hold scripts. */
function typeOf(data: Uint8Array): string | undefined {
  const text = Buffer.from(data.subarray(0, 12)).toString('latin1')
  if (text.startsWith('\x89PNG')) return 'image/png'
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (text.startsWith('GIF8')) return 'image/gif'
  return text.startsWith('RIFF') && text.endsWith('WEBP') ? 'image/webp' : undefined
}

async function readImageFile(path: string): Promise<Uint8Array | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() && found.size <= LIMIT ? readFile(path).catch(() => undefined) : undefined
}

/** What an image is read from: the study's journal, and its artifacts. */
export interface ImageSource {
  read(from: number): AsyncIterable<readonly SearchEvent[]>
  readArtifact(name: string): Promise<Uint8Array | undefined>
}

/** The bytes of a reported image. Error: ARCHLOOM_DASHBOARD_IMAGE. */
export async function readImage(
  source: ImageSource,
  images: ReportedImages,
  id: string,
): Promise<{ readonly type: string; readonly data: Uint8Array }> {
  const kept = images.find(Number(id))
  if (!kept) throw error('ARCHLOOM_DASHBOARD_IMAGE', { image: id, problem: 'no image of this number is kept' })
  let name: unknown
  for await (const events of source.read(kept.seq)) {
    const event = events.find(({ seq, type }) => seq === kept.seq && type === 'plugin.event')
    name = event?.type === 'plugin.event' ? event.facts : undefined
    break
  }
  for (const key of kept.keys) name = Object.entries(name ?? {}).find(([each]) => each === key)?.[1]
  const text = typeof name === 'string' ? name : ''
  const data = text.startsWith('data:')
    ? Buffer.from(text.slice(text.indexOf(',') + 1), 'base64')
    : text.startsWith('artifact:')
      ? await source.readArtifact(text.slice('artifact:'.length))
      : await readImageFile(text)
  const shown = text.slice(0, 200)
  if (!data)
    throw error('ARCHLOOM_DASHBOARD_IMAGE', { image: shown, problem: 'there is no such file, or it is too large' })
  const type = typeOf(data)
  if (!type)
    throw error('ARCHLOOM_DASHBOARD_IMAGE', { image: shown, problem: 'it is not a PNG, JPEG, WebP or GIF image' })
  return { type, data }
}
