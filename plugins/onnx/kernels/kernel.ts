import type { KernelRun, Translation } from '../translation.ts'

/** Adds the nodes of one kernel and names its outputs. */
export type KernelTranslation = (call: KernelRun, translation: Translation) => void
export type KernelTable = Readonly<Record<string, KernelTranslation>>

export const pairOf = (size: number | readonly [number, number]): readonly [number, number] =>
  typeof size === 'number' ? [size, size] : size

/** Name of a layer, from the path of its kernel. */
export const nameOf = (t: Translation, weights: number, otherwise: string): string =>
  t.constant(weights)?.name?.replace(/\/?kernel$/, '') || otherwise
