import { Worker } from 'node:worker_threads'

const EVERY_MS = 500

/** Runs in a separate thread, which works even while the main thread computes without a pause. */
const program = `
const { workerData: parent } = require('node:worker_threads')
const isGone = () => {
  if (process.ppid !== parent) return true
  try {
    process.kill(parent, 0)
    return false
  } catch (cause) {
    return cause.code === 'ESRCH'
  }
}
setInterval(() => {
  if (isGone()) process.kill(process.pid, 'SIGKILL')
}, ${EVERY_MS})`

/** Ends this process within a second after its parent has ended, whatever this process is doing. */
export function endWithParent(parent: number): void {
  const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 }
  new Worker(program, { eval: true, workerData: parent, execArgv: [], env: {}, resourceLimits }).unref()
}
