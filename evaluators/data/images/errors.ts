import { defineErrors, quote } from '../../../core/errors.ts'

/** Errors of images, and of pairs of a small and a large image. */
export const error = defineErrors('images', {
  ARCHLOOM_PICTURE_UNREADABLE: (d: { path: string; reason: string }) =>
    `${quote(d.path)} is not a readable image: ${d.reason}. Expected a complete PNG, JPEG or similar; repair, replace or remove the file.`,
  ARCHLOOM_PICTURE_UNWRITABLE: (d: { path: string; reason: string }) =>
    `an image cannot be written to ${quote(d.path)}: ${d.reason}. Expected a writable folder and a name that ends in .png, .jpg, .jpeg or .webp.`,
  ARCHLOOM_PICTURE_PIXELS: (d: { where: string; received: string; expected: string }) =>
    `${d.where} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_PICTURE_FOLDER_EMPTY: (d: { path: string; why: string }) =>
    `no image was found in ${quote(d.path)} (${d.why}). Expected a folder of .png, .jpg or other image files.`,
  ARCHLOOM_PAIR_SIZES: (d: { name: string; small: string; large: string; scale: number; expected: string }) =>
    `the pair ${quote(d.name)} is ${d.small} and ${d.large} pixels; at scale ${d.scale} the small image of this large one is ${d.expected}. Check the scale, or make the small image again.`,
  ARCHLOOM_PAIR_WITHOUT_HR: (d: { path: string; names: readonly string[]; looked: string }) =>
    `${quote(d.path)} has low-resolution images without a high-resolution one in ${quote(d.looked)}: ${quote(d.names)}. Put the large images there under the same names, or train on the small ones unpaired.`,
  ARCHLOOM_PAIR_TOO_SMALL: (d: { name: string; received: string; patch: number }) =>
    `the low-resolution image of ${quote(d.name)} is ${d.received} pixels; patches of ${d.patch}×${d.patch} were asked for. Ask for smaller patches or leave the image out.`,
})
