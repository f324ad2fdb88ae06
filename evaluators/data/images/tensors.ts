import * as tf from '@tensorflow/tfjs-core'
import { error } from './errors.ts'
import { type Picture, picture } from './picture.ts'

/** A tensor [1, height, width, channels], float32, with values 0 to 255. The caller disposes it. */
export const toTensor = ({ height, width, channels, pixels }: Picture): tf.Tensor4D =>
  tf.tensor4d(Float32Array.from(pixels), [1, height, width, channels])

/** The image in a tensor [1, height, width, 1 or 3], rounded and clamped to bytes. The caller still owns the tensor. */
export async function fromTensor(x: tf.Tensor): Promise<Picture> {
  const [batch, height = 0, width = 0, channels = 0] = x.shape
  if (x.rank !== 4 || batch !== 1 || (channels !== 1 && channels !== 3))
    throw error('ARCHLOOM_PICTURE_PIXELS', {
      where: 'fromTensor()',
      received: `a tensor [${x.shape.join(', ')}]`,
      expected: '[1, height, width, 1 or 3]',
    })
  return picture(height, width, channels, new Uint8Array(Uint8ClampedArray.from(await x.data()).buffer))
}
