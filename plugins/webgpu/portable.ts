/** What `archloom/plugins/webgpu` is in a browser. */
export { browserWebgpu } from './browser.ts'
export { mistaken } from './kernels.ts'
