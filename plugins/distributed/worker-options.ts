import {
  callback,
  flag,
  group,
  number,
  type OptionsOf,
  options,
  required,
  text,
  value,
  whole,
} from '../../core/options/index.ts'

const isUrl = (received: unknown) => received instanceof URL
export const moduleOption = required(
  value<URL>("a URL, such as new URL('./search.ts', import.meta.url)", {
    doc: 'A module that exports `space` (the same space as that of the search) and `evaluator`; the same on every machine.',
    holds: isUrl,
  }),
)
export const redisOption = text({
  absent: 'ARCHLOOM_REDIS, else redis://127.0.0.1:6379',
  doc: 'redis://[user:password@]host:port[/database], or rediss:// for TLS. ARCHLOOM_REDIS_PASSWORD keeps the password out of it.',
})
export const queueOption = value<string>("letters, digits, '.', '_' and '-'", {
  default: 'archloom',
  holds: (received) => typeof received === 'string' && /^[\w.-]{1,100}$/.test(received),
  doc: 'Name of the queue. Searches and workers with the same name and program work together.',
})
export const codeOption = text({
  absent: 'made from the module and what it imports by relative paths',
  doc: 'Fingerprint of the code, such as a commit; workers with another fingerprint are refused.',
})
export const checkpointsOption = text({
  default: 'redis',
  doc: "Where checkpoints of paused trials lie: 'redis' (64 MiB each at most), a shared folder (file:///mnt/shared), or s3://bucket/prefix?endpoint=https://host.",
})

export const declaredWorker = options('distributedWorker', {
  module: moduleOption,
  redis: redisOption,
  queue: queueOption,
  code: codeOption,
  checkpoints: checkpointsOption,
  size: whole({ min: 1, absent: 'the number of cores; 8 with inProcess', doc: 'Number of evaluations at once.' }),
  inProcess: flag({
    default: false,
    doc: 'Evaluate in the process of the worker itself: for evaluations that take much less than lockSeconds and cannot crash.',
  }),
  lockSeconds: number({
    min: 1,
    default: 15,
    doc: 'Seconds without a sign of life after which a job goes from its worker to another one.',
  }),
  recoveries: whole({ min: 0, default: 3, doc: 'How often a job goes to another worker before the trial is lost.' }),
  graceSeconds: number({
    min: 0,
    default: 5,
    doc: 'Seconds that an aborted evaluation may take to end before its process is killed.',
  }),
  recycle: group(
    {
      trials: whole({ min: 1, absent: 'never', doc: 'Number of evaluations after which a process ends.' }),
      megabytes: number({ above: 0, absent: 'never', doc: 'Memory in MiB above which a process ends.' }),
    },
    { doc: 'When a process is replaced by a new one.' },
  ),
  log: callback<(text: string) => void>({
    absent: 'nothing is said',
    doc: 'Receives messages for people.',
  }),
})
export type DistributedWorkerOptions = OptionsOf<typeof declaredWorker>
