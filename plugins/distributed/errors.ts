import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('distributed', {
  ARCHLOOM_DISTRIBUTED_INSTALL: (d: { missing: string; install: string; message: string }) =>
    `the package ${quote(d.missing)} cannot be loaded (${d.message}). Install what distributed searches need: ${d.install}`,
  ARCHLOOM_DISTRIBUTED_REDIS: (d: { url: string; message: string }) =>
    `Redis at ${d.url} cannot be used: ${d.message}. Expected a Redis 6.2 or newer, or Valkey, at redis://[user:password@]host:port[/database], or rediss:// for TLS. Check the address and the password, and that the server accepts connections from this machine.`,
  ARCHLOOM_DISTRIBUTED_MODULE: (d: { module: string; received: string }) =>
    `${quote(d.module)} ${d.received}. Expected a module that exports \`evaluator\` (a function, an evaluator, or a definition such as trainFromScratch() returns) and \`space\`, the same space as that of the search.`,
  ARCHLOOM_DISTRIBUTED_SPACE: (d: { module: string; received: string; expected: string }) =>
    `${quote(d.module)} exports the search space ${d.received}, and the search has ${d.expected}. Use the same version of the module on every machine, and import the space of the search from it.`,
  ARCHLOOM_DISTRIBUTED_CODE: (d: { received: string; expected: string; files: string }) =>
    `the worker's code has the fingerprint ${quote(d.received)}, and that of the search has ${quote(d.expected)} (${d.files}). Use the same version of the module, of the files that it imports and of archloom on both machines, or give both the same \`code\`.`,
  ARCHLOOM_DISTRIBUTED_MESSAGE: (d: { what: string; received: unknown; expected: string }) =>
    `a ${d.what} holds ${quote(d.received)}; expected ${d.expected}. It was not executed. Check which other programs write to this Redis, and set a password.`,
  ARCHLOOM_DISTRIBUTED_SIZE: (d: { what: string; bytes: number; limit: number; remedy: string }) =>
    `a ${d.what} of ${d.bytes} bytes is larger than the limit of ${d.limit}. ${d.remedy}`,
  ARCHLOOM_DISTRIBUTED_RESULT: (d: { received: string; expected: string }) =>
    `a worker returned the result of ${d.received}; expected that of ${d.expected}. Check which other programs write to this Redis.`,
  ARCHLOOM_DISTRIBUTED_CHECKPOINTS: (d: { place: string; message: string }) =>
    `the checkpoints in ${d.place} cannot be used: ${d.message}. Expected one place that the search and every worker reach: 'redis', a shared folder (file:///mnt/shared/checkpoints), or s3://bucket/prefix?endpoint=https://host.`,
})
