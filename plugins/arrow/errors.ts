import { defineErrors } from '../../core/errors.ts'

export const error = defineErrors('arrow', {
  ARCHLOOM_ARROW_PACKAGE_MISSING: (d: { packageName: string; reason: string }) =>
    `writing Arrow files needs the package "${d.packageName}", which cannot be loaded: ${d.reason}. Run \`npm install ${d.packageName}\`.`,
})
