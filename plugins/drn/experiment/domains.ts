import {
  downscaleBlurred,
  downscaleNearest,
  type Picture,
  type PicturePair,
  picturePair,
} from '../../../evaluators/data/images/index.ts'
import { SCALE } from './training.ts'

export type Domain = 'nearest' | 'blur-down'

/** Standard deviation, in pixels, of the Gaussian of the degradation BD in the field's scripts. */
export const SIGMA = 1.6

/** How small images of a domain come about. */
export const shrinkers: Readonly<Record<Domain, (image: Picture) => Picture>> = {
  nearest: (image) => downscaleNearest(image, SCALE),
  'blur-down': (image) => downscaleBlurred(image, { sigma: SIGMA }, SCALE),
}

/** The same large images, their small ones from another domain. */
export const pairsIn = (domain: Domain, pairs: readonly PicturePair[]): PicturePair[] =>
  pairs.map(({ name, hr }) => picturePair(name, hr, shrinkers[domain](hr), SCALE))
