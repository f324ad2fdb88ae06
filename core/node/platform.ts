import './studies.ts'

/** Where studies are kept by default. */
export const defaultStorage = 'journal:archloom-studies'

/** Lets timers, signal handlers and displays run. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
