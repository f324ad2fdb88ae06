import { stat } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { upscaleBicubic } from '../data/images/bicubic.ts'
import { picturesIn, readPicture, writePicture } from '../data/images/files.ts'
import { sizeOf } from '../data/images/picture.ts'
import { error } from './errors.ts'
import type { LoadedUpscaler } from './model.ts'
import { sideBySide } from './side-by-side.ts'
import { type TilingOptions, upscaleTiled } from './tiling.ts'

/** One file to read and the one to write. */
export interface FilePair {
  readonly from: string
  readonly to: string
}

const WRITABLE = new Set(['.png', '.jpg', '.jpeg', '.webp'])
const isFolder = (path: string) =>
  stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  )

/**
 * What is read and written: a file to a file, a file into a folder, a folder into a folder; pictures written into folders
 * keep their names and become PNG. Errors: ARCHLOOM_UPSCALING_PATHS, ARCHLOOM_PICTURE_FOLDER_EMPTY.
 */
export async function filePairs(input: string, output: string): Promise<readonly FilePair[]> {
  const refuse = (reason: string) => error('ARCHLOOM_UPSCALING_PATHS', { input, output, reason })
  const many = await isFolder(input)
  const into = (await isFolder(output)) || extname(output) === ''
  if (many && !into) throw refuse('the input is a folder, so the output must be one')
  const placed = (from: string) => join(output, `${basename(from, extname(from))}.png`)
  const pairs = many
    ? (await picturesIn(input)).map((from) => ({ from, to: placed(from) }))
    : [{ from: input, to: into ? placed(input) : output }]
  if (!into && !WRITABLE.has(extname(output).toLowerCase()))
    throw refuse(`pictures are written as ${[...WRITABLE].join(', ')}`)
  if (pairs.some(({ from, to }) => resolve(from) === resolve(to)))
    throw refuse('the picture would be written over itself; name another file or folder')
  const names = new Map<string, string>()
  for (const { from, to } of pairs) {
    const other = names.get(to)
    if (other !== undefined) throw refuse(`${basename(other)} and ${basename(from)} would both become ${basename(to)}`)
    names.set(to, from)
  }
  return pairs
}

export interface UpscaledFile extends FilePair {
  /** height×width, before and after. */
  readonly size: readonly [before: string, after: string]
  /** What had to be converted to read the picture. */
  readonly notes: readonly string[]
  /** The picture that shows bicubic and the network side by side, where asked for. */
  readonly comparison?: string
}

export interface FailedFile extends FilePair {
  readonly failure: string
}

export interface UpscaleFilesOptions extends Omit<TilingOptions, 'onTile'> {
  /** Also writes name-compared.png: enlarged by bicubic, and by the network. Default false. */
  readonly compare?: boolean
  /** 0 to 1 of the whole work, and the picture at work. */
  readonly onProgress?: (share: number, from: string) => void
}

/**
 * Enlarges pictures one after the other, each written before the next is read. Of several pictures one that cannot be
 * read is yielded with its failure, and the others go on; a single one throws.
 */
export async function* upscaleFiles(
  model: LoadedUpscaler,
  pairs: readonly FilePair[],
  { compare = false, onProgress, ...tiling }: UpscaleFilesOptions = {},
): AsyncGenerator<UpscaledFile | FailedFile, void, undefined> {
  const { network, description } = model
  for (const [index, { from, to }] of pairs.entries()) {
    tiling.signal?.throwIfAborted()
    try {
      const image = await readPicture(from)
      const result = await upscaleTiled({ network, reach: description.reach }, image, {
        ...tiling,
        onTile: (done, of) => onProgress?.((index + done / of) / pairs.length, from),
      })
      await writePicture(to, result)
      const comparison = `${to.slice(0, -extname(to).length)}-compared.png`
      if (compare) await writePicture(comparison, sideBySide([upscaleBicubic(image, network.scale), result]))
      yield {
        ...{ from, to, notes: image.notes, size: [sizeOf(image), sizeOf(result)] },
        ...(compare && { comparison }),
      }
    } catch (thrown) {
      if (pairs.length === 1 || tiling.signal?.aborted) throw thrown
      yield { from, to, failure: messageOf(thrown) }
    }
  }
}
