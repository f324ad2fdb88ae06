import { declarePlugin, type EvaluatorDefinition } from '../../core/index.ts'
import { among, list, type OptionsOf, options, text, whole } from '../../core/options/index.ts'
import { codeFingerprint } from './code.ts'
import { coordinate } from './coordinator.ts'
import { checkpointsOption, codeOption, moduleOption, queueOption, redisOption } from './worker-options.ts'

export { type DistributedWorker, distributedWorker } from './worker.ts'
export type { DistributedWorkerOptions } from './worker-options.ts'

export const declared = options('distributed', {
  module: moduleOption,
  redis: redisOption,
  queue: queueOption,
  code: codeOption,
  checkpoints: checkpointsOption,
  concurrency: whole({
    min: 1,
    default: 4096,
    doc: 'Maximum number of evaluations in Redis at once; the actual number is the `concurrency` of createSearch.',
  }),
  trialsPerJob: whole({
    min: 1,
    absent: 'as many as take 0.05 s together, at most 64',
    doc: 'Number of trials in one job, which one worker evaluates one after the other.',
  }),
  metrics: list(text(), { doc: 'Names of the metrics, so that objectives on others are refused at once.' }),
  kind: among(['from-scratch', 'tabular', 'zero-cost'], {
    default: 'from-scratch',
    doc: 'How the evaluator obtains its results.',
  }),
})
export type DistributedOptions = OptionsOf<typeof declared>

declarePlugin({
  name: 'distributed',
  kind: 'queue',
  does: 'Evaluations on many machines, through Redis.',
  provides: ['evaluator'],
  options: declared,
})

/**
 * Evaluates trials on other machines: `evaluator: distributed({ redis, module })` of createSearch, and
 * `npx archloom worker --redis URL module.ts` on each of them. Workers may join and leave; trials of a worker that
 * disappears go to another one. Each result enters the study once.
 * Errors: ARCHLOOM_OPTION; when the search starts, ARCHLOOM_DISTRIBUTED_INSTALL, ARCHLOOM_DISTRIBUTED_REDIS,
 * ARCHLOOM_DISTRIBUTED_CHECKPOINTS. Of a trial: ARCHLOOM_WORKER_DIED if its workers disappeared too often,
 * ARCHLOOM_DISTRIBUTED_RESULT, ARCHLOOM_DISTRIBUTED_MESSAGE, ARCHLOOM_DISTRIBUTED_SIZE.
 */
export function distributed(given: DistributedOptions): EvaluatorDefinition {
  const { module, redis, queue, code, checkpoints, concurrency, trialsPerJob, metrics, kind } = declared.read(given)
  const name = `distributed ${module.pathname.split('/').at(-1)}`
  return {
    kind,
    name,
    concurrency,
    ...(metrics && { metrics }),
    create: (parts) =>
      coordinate(
        {
          name,
          kind,
          redis,
          queue,
          checkpoints,
          concurrency,
          ...(trialsPerJob !== undefined && { trialsPerJob }),
          code: code ?? codeFingerprint(module).fingerprint,
        },
        parts,
      ),
  }
}
