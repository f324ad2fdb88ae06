import type { ArchloomError } from '../errors.ts'
import { messageOf } from '../errors.ts'
import { error } from './errors.ts'

/**
 * The error of a package `onnxruntime-node` that cannot be loaded: ARCHLOOM_ONNXRUNTIME_MISSING. `use` completes "the package,
 * which …"; `otherwise` completes "install it, or …".
 */
export const onnxRuntimeMissing = (cause: unknown, use: string, otherwise?: string): ArchloomError =>
  error(
    'ARCHLOOM_ONNXRUNTIME_MISSING',
    // Further lines list the folders that Node has looked in.
    { reason: messageOf(cause).split('\n')[0] as string, use, ...(otherwise !== undefined && { otherwise }) },
    { cause },
  )
