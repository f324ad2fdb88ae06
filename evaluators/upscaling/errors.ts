import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('upscaling', {
  ARCHLOOM_UPSCALER_FOLDER: (d: { folder: string; file: string; reason: string }) =>
    `${quote(d.folder)} is not a model that enlarges images: ${d.file}: ${d.reason}. Expected a folder written by saveUpscaler(), with model.json and weights.safetensors.`,
  ARCHLOOM_UPSCALER_KIND: (d: { received: unknown; known: readonly string[] }) =>
    `networks of kind ${quote(d.received)} cannot be built here; known are ${quote(d.known, 400)}. Give loadUpscaler() the builder that made it, as { builders }.`,
  ARCHLOOM_UPSCALER_SCALE: (d: { folder: string; received: number; expected: number }) =>
    `the model in ${quote(d.folder)} enlarges ×${d.received}; ×${d.expected} was requested. Use a model with that scale, or train one.`,
  ARCHLOOM_UPSCALING_SCALE: (d: { received: number; scales: readonly number[] }) =>
    `×${d.received} was requested; the ${d.scales.length === 1 ? 'network enlarges' : 'networks enlarge'} ${d.scales.map((scale) => `×${scale}`).join(', ')}. Use a scale of at most ${d.scales.at(-1)}, or enlarge the result once more.`,
  ARCHLOOM_UPSCALING_PATHS: (d: { input: string; output: string; reason: string }) =>
    `cannot enlarge ${quote(d.input)} to ${quote(d.output)}: ${d.reason}.`,
  ARCHLOOM_UPSCALING_SIZE: (d: { path: string; size: string; most: number }) =>
    `${quote(d.path)} would become ${d.size} pixels; at most ${d.most.toLocaleString('en-US')} can be written. Cut the image into parts, or use a smaller scale or size.`,
  ARCHLOOM_VIDEO: (d: { path: string; reason: string }) =>
    `${quote(d.path)} cannot be read or written as a film: ${d.reason}. Films need ffmpeg and ffprobe on PATH (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg); repair the file, or give a folder of frames instead.`,
})
