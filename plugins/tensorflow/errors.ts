import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('tensorflow', {
  ARCHLOOM_TENSORFLOW_PACKAGE_MISSING: (d: { packages: readonly string[]; folder: string }) =>
    `the TensorFlow engine needs ${d.packages.map((name) => quote(name)).join(' or ')}, and neither is installed for ${quote(d.folder)}. Run \`npm install @tensorflow/tfjs-node\`, or if its native library cannot be downloaded, build one from a wheel as described in plugins/tensorflow/README.md.`,
  ARCHLOOM_TENSORFLOW_LIBRARY_MISSING: (d: { packageName: string; path: string }) =>
    `${quote(d.packageName)} is installed without its native addon ${quote(d.path)}: its install script did not run, or could not download it. Run \`npm rebuild ${d.packageName}\`, or build one from a wheel as described in plugins/tensorflow/README.md.`,
  ARCHLOOM_TENSORFLOW_LIBRARY_BROKEN: (d: { packageName: string; path: string; reason: string }) =>
    `the native addon ${quote(d.path)} of ${quote(d.packageName)} cannot be loaded: ${d.reason}. Run \`npm rebuild ${d.packageName}\`, and for the GPU package check that CUDA and cuDNN are installed.`,
  ARCHLOOM_TENSORFLOW_BUILD: (d: { step: string; reason: string }) =>
    `building the native addon from a wheel failed at ${quote(d.step)}: ${d.reason}. It needs Linux on x64, npm, Python 3 with pip, a C++17 compiler, and access to both registries; correct this and run it again.`,
})
