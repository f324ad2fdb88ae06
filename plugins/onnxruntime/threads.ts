import { availableParallelism } from 'node:os'

/** Threads of one large operation: ARCHLOOM_THREADS, else what the machine has. */
export const defaultThreads = (): number => Number(process.env.ARCHLOOM_THREADS ?? availableParallelism())
