/** What differs between platforms. This is the version for browsers; Node resolves `#platform` to core/node/platform.ts. */

/** Where studies are kept unless told otherwise. */
export const defaultStorage = 'memory:studies'

/** Lets timers, signals and displays have their turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))
