import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('files', {
  ARCHLOOM_FILE_NOT_WRITABLE: (d: { file: string; message: string }) =>
    `${quote(d.file)} cannot be written: ${d.message}. A file that was there before is unchanged. Free the disk or choose another folder.`,
  ARCHLOOM_PACKAGE_MISSING: (d: { packageName: string; purpose: string; reason: string }) =>
    `${d.purpose} needs the package "${d.packageName}", which could not be loaded (${d.reason}). Install it with \`npm install ${d.packageName}\`.`,
})
