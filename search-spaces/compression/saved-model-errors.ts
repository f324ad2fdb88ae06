import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('saved-models', {
  ARCHLOOM_TFJS_FOLDER: (d: { folder: string; reason: string; remedy?: string }) =>
    `${quote(d.folder)} cannot be read as a tf.js model: ${d.reason}. ${d.remedy ?? 'Give the folder of a saved model: model.json and all files that it names'}.`,
})
