import './studies.ts'

/** Where studies are kept unless told otherwise. */
export const defaultStorage = 'journal:archloom-studies'

/** Lets timers, signals and displays have their turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
