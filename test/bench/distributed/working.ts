/** A worker for the bench `distributed-kill`, which notices within a second that another one was killed. */
import { pathToFileURL } from 'node:url'
import { distributedWorker } from '../../../plugins/distributed/index.ts'

const [module = '', redis = ''] = process.argv.slice(2)
const options = { inProcess: true, size: 2, lockSeconds: 1, recoveries: 1000 }
const worker = await distributedWorker({ module: pathToFileURL(module), redis, ...options })
process.stdout.write('started\n')
await worker.ended
