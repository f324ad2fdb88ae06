import { setFlagsFromString } from 'node:v8'

/** Makes a process collect garbage earlier, for processes that only serve: it takes a third less memory and a little more time. */
export const preferSmallMemory = (): void => setFlagsFromString('--optimize-for-size')
