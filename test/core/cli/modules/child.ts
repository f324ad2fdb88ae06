import { parentPort } from 'node:worker_threads'
import { VERSION } from 'archloom'

const said: string = `child of ${VERSION}`
if (parentPort) parentPort.postMessage(said)
else {
  process.send?.(said)
  process.disconnect()
}
