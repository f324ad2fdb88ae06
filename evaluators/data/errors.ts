import { defineErrors, quote } from '../../core/errors.ts'

const list = (items: readonly string[]) => (items.length ? items.map((item) => `\n  ${item}`).join('') : ' nothing')

/** Errors of data: files, labels, splits, downloads. */
export const error = defineErrors('data', {
  ARCHLOOM_DATA_FOLDER_MISSING: (d: { variable: string; path: string }) =>
    `${d.variable} is ${quote(d.path)}, which is not a folder. Point it to a folder of data sets, or unset it.`,
  ARCHLOOM_DATA_FILE_MISSING: (d: { path: string; why: string }) =>
    `no file ${quote(d.path)} (${d.why}). Put the file there, or correct the path.`,
  ARCHLOOM_DATA_GZIP_CORRUPT: (d: { path: string; reason: string }) =>
    `${quote(d.path)} cannot be unpacked: ${d.reason}. Expected a complete gzip file; download it again.`,
  ARCHLOOM_DATA_TRUNCATED: (d: { path: string; bytes: number; expected: number }) =>
    `${quote(d.path)} holds ${d.bytes} bytes; its header says ${d.expected}. The file is incomplete: download it again.`,
  ARCHLOOM_DATA_TRAILING_BYTES: (d: { path: string; bytes: number; expected: number }) =>
    `${quote(d.path)} holds ${d.bytes} bytes; its header says only ${d.expected}. Download the file again.`,
  ARCHLOOM_DATA_RECORD_SIZE: (d: { path: string; bytes: number; record: number; layout: string }) =>
    `${quote(d.path)} holds ${d.bytes} bytes, expected one or more complete records of ${d.record} bytes (${d.layout}). ` +
    `The file is incomplete or has another format.`,
  ARCHLOOM_DATA_MAGIC: (d: { path: string; received: string; expected: string; what: string }) =>
    `${quote(d.path)} begins with ${d.received}; ${d.what} begin with ${d.expected}. Is it the right file?`,
  ARCHLOOM_DATA_LABEL_RANGE: (d: { where: string; index: number; label: number; classes: number }) =>
    `example ${d.index} of ${quote(d.where)} has label ${d.label}; expected 0 to ${d.classes - 1}. ` +
    `Check the format and the number of classes.`,
  ARCHLOOM_DATA_COUNT_MISMATCH: (d: { where: string; images: number; labels: number }) =>
    `${quote(d.where)} has ${d.images} images but ${d.labels} labels; expected the same number of both.`,
  ARCHLOOM_DATA_SHAPE: (d: { where: string; received: string; expected: string }) =>
    `${quote(d.where)} has ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_IMAGE_FOLDER_EMPTY: (d: { path: string; expected: string }) =>
    `${quote(d.path)} holds ${d.expected === 'images' ? 'no image' : 'no sub-folder'}; expected ${d.expected}. ` +
    `Give a folder with one sub-folder for each class, and its images inside.`,
  ARCHLOOM_IMAGE_UNDECODABLE: (d: { path: string; reason: string }) =>
    `${quote(d.path)} is not a readable image: ${d.reason}. Repair or remove the file.`,
  ARCHLOOM_IMAGE_SIZE: (d: { path: string; received: string; expected: string }) =>
    `${quote(d.path)} is ${d.received} pixels; the first image is ${d.expected}. ` +
    `Give { resize: { height, width } } to resize all images.`,
  ARCHLOOM_SPLIT_SIZE: (d: { what: string; received: unknown; available: number; smallest?: number }) =>
    `${d.what} of ${quote(d.received)} examples was requested; expected a whole number from ${d.smallest ?? 1} to ${d.available}.`,
  ARCHLOOM_BATCH_SIZE: (d: { received: unknown }) =>
    `batchSize is ${quote(d.received)}; expected a whole number of at least 1.`,
  ARCHLOOM_AUGMENTATION: (d: { option: string; received: unknown; expected: string }) =>
    `augmentation ${d.option} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_NORMALISATION: (d: { received: unknown; channels: number }) =>
    `normalisation is ${quote(d.received)}; expected { mean, std } with ${d.channels} finite numbers each, std above 0.`,
  ARCHLOOM_GENERATED_IMAGES: (d: { option: string; received: unknown; expected: string }) =>
    `generatedImages: ${d.option} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_MANIFOLD: (d: { where: string; option: string; received: unknown; expected: string }) =>
    `${d.where}: ${d.option} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_DATA_SET_UNKNOWN: (d: { name: string; known: readonly string[] }) =>
    `there is no data set ${quote(d.name)}; expected one of ${d.known.join(', ')}.`,
  ARCHLOOM_DATA_SET_NOT_FOUND: (d: { name: string; looked: readonly string[]; remedy: string }) =>
    `${d.name} was not found. Looked in:${list(d.looked)}\n${d.remedy}`,
  ARCHLOOM_CACHE_UNWRITABLE: (d: { path: string; reason: string }) =>
    `the cache folder ${quote(d.path)} cannot be written: ${d.reason}. Set ARCHLOOM_CACHE to a writable folder.`,
  ARCHLOOM_DOWNLOAD_OFFLINE: (d: { name: string; looked: readonly string[]; urls: readonly string[] }) =>
    `${d.name} was not found, and ARCHLOOM_OFFLINE forbids a download. Looked in:${list(d.looked)}\n` +
    `Unset ARCHLOOM_OFFLINE, or download it by hand into one of these folders:${list(d.urls)}`,
  ARCHLOOM_DOWNLOAD_STATUS: (d: { url: string; status: number; statusText: string }) =>
    `${d.url} answered ${d.status} ${d.statusText}; expected the file. ` +
    `Download it by hand and point ARCHLOOM_DATA to its folder, or try later.`,
  ARCHLOOM_DOWNLOAD_FAILED: (d: { url: string; attempts: number; received: number; reason: string }) =>
    `${d.url} could not be fetched in ${d.attempts} attempts (${d.received} bytes were kept; the next run resumes): ` +
    `${d.reason}. Check the network, or download it by hand and point ARCHLOOM_DATA to its folder.`,
  ARCHLOOM_DOWNLOAD_CHECKSUM: (d: { url: string; algorithm: string; received: string; expected: string }) =>
    `${d.url} has ${d.algorithm} ${d.received}; expected the published ${d.expected}. The file was deleted: ` +
    `try again, and if the error persists, do not trust the source.`,
  ARCHLOOM_ARCHIVE_INCOMPLETE: (d: { path: string; missing: readonly string[]; reason?: string }) =>
    `${quote(d.path)} lacks ${d.missing.join(', ')}${d.reason ? ` (${d.reason})` : ''}. Expected the official archive.`,
})
