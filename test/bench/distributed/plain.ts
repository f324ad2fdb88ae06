/** A worker of plain BullMQ without archloom, for the bench `distributed`: every job is done at once. */
import { Worker } from 'bullmq'

const [queue = '', port = '', concurrency = ''] = process.argv.slice(2)
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }
const worker = new Worker(queue, async () => 'done', { connection, concurrency: Number(concurrency) })
worker.on('error', () => {})
await worker.waitUntilReady()
process.stderr.write('works for queue\n')
