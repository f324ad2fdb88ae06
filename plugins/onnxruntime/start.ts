import { optionError } from '../../core/options/index.ts'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { mendCpu } from '../../core/tensor/mends/pooling.ts'
import { threadsWanted } from '../../core/tensor/threads.ts'
import { Arena } from './arena.ts'
import { OnnxRuntimeBackend } from './backend.ts'
import { loadBinding } from './binding.ts'
import { registerKernels } from './kernels/index.ts'
import { Sessions } from './sessions.ts'

export interface StartOptions {
  /** Threads of one large operation. Default: ARCHLOOM_THREADS, else what the machine has. */
  readonly threads?: number
  /** Compiled graphs kept at most. Default 512. */
  readonly sessions?: number
  /** Size of the arena in pages of 64 KiB. Default 65536: 4 GiB of addresses, the most there can be. */
  readonly pages?: number
}

export const backendName = 'onnxruntime'

/**
 * Registers the tfjs backend and its kernels.
 * @throws ARCHLOOM_ONNXRUNTIME_MISSING, ARCHLOOM_ONNXRUNTIME_PLATFORM, ARCHLOOM_ONNXRUNTIME_BINDING_MOVED
 */
export function start(options: StartOptions = {}): void {
  const { sessions = 512, pages = 65_536, threads = threadsWanted() } = options
  for (const [option, received] of Object.entries({ threads, sessions, pages }))
    if (!Number.isInteger(received) || received < 1)
      throw optionError('onnxruntime', option, received, 'a positive integer')
  const binding = loadBinding()
  tf.registerBackend(
    backendName,
    () => new OnnxRuntimeBackend(backendName, new Arena(pages), new Sessions(binding, { threads, limit: sessions })),
  )
  // They run below ours.
  mendCpu()
  tf.copyRegisteredKernels('cpu', backendName)
  registerKernels(backendName)
}
