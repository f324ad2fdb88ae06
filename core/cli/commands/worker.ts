import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type DistributedWorkerOptions, distributedWorker } from 'archloom/plugins/distributed'
import { importModule } from '../load-module.ts'
import type { Output } from '../output.ts'

export interface WorkerOptions extends Omit<DistributedWorkerOptions, 'module' | 'log'> {
  readonly output: Output
}

/**
 * `archloom worker <module>`: works until it is interrupted. After one Ctrl-C (or SIGTERM) the worker finishes its
 * evaluations and leaves; after two it returns them to the queue at once; after three the process ends.
 */
export async function worker(file: string, { output, ...options }: WorkerOptions): Promise<number> {
  // Refuses a path that is not a module, with a specific message.
  await importModule(file)
  const working = await distributedWorker({ ...options, module: pathToFileURL(resolve(file)), log: output.note })
  let asked = 0
  const onSignal = () => {
    asked++
    // An evaluation in this process may heed nothing.
    if (asked > 2) process.exit(130)
    if (asked === 1)
      output.note('leaving after the running evaluations; press Ctrl-C again to return them to the queue at once')
    void working.leave(asked === 1 ? 'finish' : 'now')
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    await working.ended
    output.result({ worker: working.name, trials: working.trials })
    return 0
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}
