export { type WorkerPoolOptions, workerPool } from './pool.ts'
