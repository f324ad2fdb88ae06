import { Worker } from 'node:worker_threads'
import type { Row } from './table.ts'

/** Longest time that a file may take: some damaged files send the decoder into a loop without end. */
const secondsFor = (bytes: number) => 10 + 10 * (bytes / 2 ** 20)

/** Decodes in a thread, because a loop in this one could not be stopped. */
const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { file, decoder, decompressors } = workerData
  Promise.all([import(decoder), import(decompressors)])
    .then(([{ parquetReadObjects }, { compressors }]) => parquetReadObjects({ file, compressors }))
    .then((rows) => parentPort.postMessage({ rows }), (cause) => parentPort.postMessage({ message: String(cause?.message ?? cause) }))`

/** The rows of a Parquet file. Rejects with an Error without a code if the file is damaged. */
export function parquetRows(bytes: Uint8Array): Promise<readonly Row[]> {
  const file = Uint8Array.from(bytes).buffer
  const seconds = secondsFor(bytes.length)
  const worker = new Worker(PROGRAM, {
    eval: true,
    execArgv: [],
    workerData: {
      file,
      decoder: import.meta.resolve('hyparquet'),
      decompressors: import.meta.resolve('hyparquet-compressors'),
    },
    transferList: [file],
  })
  return new Promise<readonly Row[]>((resolve, reject) => {
    const late = () => reject(new Error(`it is damaged: decoding it did not end within ${Math.ceil(seconds)} seconds`))
    const timer = setTimeout(late, seconds * 1000)
    worker.on('message', ({ rows, message }: { readonly rows?: readonly Row[]; readonly message?: string }) => {
      clearTimeout(timer)
      if (rows) resolve(rows)
      else reject(new Error(message))
    })
    worker.on('error', (cause) => {
      clearTimeout(timer)
      reject(cause)
    })
  }).finally(() => worker.terminate())
}
