import sharp from 'sharp'
import { error } from './errors.ts'
import { picturesIn, readPicture } from './images/files.ts'
import { type Picture, picture } from './images/picture.ts'

export interface FramesOptions {
  /** Bring every frame to this size. Absent: as they are; all must be of one size. */
  readonly resize?: { readonly height: number; readonly width: number }
  /** No more than so many, from the first. */
  readonly limit?: number
}

/**
 * The frames of a film from a folder of images, in the natural order of their names.
 * Errors: ARCHLOOM_PICTURE_FOLDER_EMPTY, ARCHLOOM_PICTURE_UNREADABLE, ARCHLOOM_IMAGE_SIZE.
 */
export async function readFrames(folder: string, options: FramesOptions = {}): Promise<readonly Picture[]> {
  const { resize, limit } = options
  const frames: Picture[] = []
  for (const path of (await picturesIn(folder)).slice(0, limit)) {
    const { height, width, channels, pixels } = await readPicture(path)
    const frame = resize
      ? await resized({ height, width, channels, pixels }, resize)
      : picture(height, width, channels, pixels)
    const first = frames[0] ?? frame
    if (frame.height !== first.height || frame.width !== first.width)
      throw error('ARCHLOOM_IMAGE_SIZE', {
        path,
        received: `${frame.height}×${frame.width}`,
        expected: `${first.height}×${first.width}`,
      })
    frames.push(frame)
  }
  return frames
}

async function resized({ height, width, channels, pixels }: Picture, to: { height: number; width: number }) {
  const image = sharp(pixels, { raw: { height, width, channels } })
  const { data } = await image
    .resize({ ...to, fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return picture(to.height, to.width, channels, new Uint8Array(data))
}
