import { optionNames } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { picturesIn, readPicture } from './images/files.ts'
import { type Picture, picture } from './images/picture.ts'
import { resizeImage, resizeNames } from './images/resize.ts'

export interface FramesOptions {
  /**
   * Resizes every frame to this size in pixels, by `resizeImage`. Default: frames are unchanged and must all have the
   * same size.
   */
  readonly resize?: { readonly height: number; readonly width: number }
  /** Maximum number of frames, counted from the first. */
  readonly limit?: number
}

const readFramesNames = optionNames<FramesOptions>('readFrames', { resize: true, limit: true })

/**
 * Reads the frames of a film from a folder of images, in the natural order of their names. Errors:
 * ARCHLOOM_PICTURE_FOLDER_EMPTY, ARCHLOOM_PICTURE_UNREADABLE, ARCHLOOM_IMAGE_SIZE, ARCHLOOM_OPTION.
 */
export async function readFrames(folder: string, options: FramesOptions = {}): Promise<readonly Picture[]> {
  readFramesNames(options)
  const { resize, limit } = options
  if (resize) resizeNames(resize)
  const frames: Picture[] = []
  for (const path of (await picturesIn(folder)).slice(0, limit)) {
    const { height, width, channels, pixels } = await readPicture(path)
    const whole = picture(height, width, channels, pixels)
    const frame = resize ? resizeImage(whole, resize) : whole
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
