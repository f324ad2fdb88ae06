import { optionError } from '../../core/options/index.ts'
import '#tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { mendCpu } from '../../core/tensor/mends/pooling.ts'
import { threadsWanted } from '../../core/tensor/threads.ts'
import { Arena } from './arena.ts'
import { OnnxRuntimeBackend } from './backend.ts'
import { loadBinding } from './binding.ts'
import { error } from './errors.ts'
import { registerKernels } from './kernels/index.ts'
import { registerCpuKernels } from './kernels/kernel.ts'
import { Sessions } from './sessions.ts'

export interface StartOptions {
  /** Number of threads of one large operation. Default: ARCHLOOM_THREADS, or the number of cores. */
  readonly threads?: number
  /** Maximum number of compiled graphs that are kept. Default 512. */
  readonly sessions?: number
  /** Size of the arena in pages of 64 KiB. Default 65536: 4 GiB of addresses, which is the maximum. */
  readonly pages?: number
  /**
   * 'exact' adds up every product of a convolution. 'fast' lets 3×3 convolutions of many channels, on one thread, save
   * multiplications by Winograd's transforms, with relative errors of about 1e-5. Default: ARCHLOOM_PRECISION, or 'exact'.
   */
  readonly precision?: Precision
}

export type Precision = 'exact' | 'fast'

/** The precision that the environment asks for. @throws ARCHLOOM_ONNXRUNTIME_PRECISION */
export function precisionWanted(environment: NodeJS.ProcessEnv = process.env): Precision {
  const received = environment.ARCHLOOM_PRECISION?.trim() || 'exact'
  if (received !== 'exact' && received !== 'fast') throw error('ARCHLOOM_ONNXRUNTIME_PRECISION', { received })
  return received
}

export const backendName = 'onnxruntime'

/**
 * Registers the tfjs backend and its kernels.
 * @throws ARCHLOOM_ONNXRUNTIME_MISSING, ARCHLOOM_ONNXRUNTIME_PLATFORM, ARCHLOOM_ONNXRUNTIME_BINDING_MOVED,
 * ARCHLOOM_ONNXRUNTIME_PRECISION
 */
export function start(options: StartOptions = {}): void {
  const { sessions = 512, pages = 65_536, threads = threadsWanted(), precision = precisionWanted() } = options
  for (const [option, received] of Object.entries({ threads, sessions, pages }))
    if (!Number.isInteger(received) || received < 1)
      throw optionError('onnxruntime', option, received, 'a positive integer')
  if (precision !== 'exact' && precision !== 'fast')
    throw optionError('onnxruntime', 'precision', precision, "'exact' or 'fast'")
  const binding = loadBinding()
  tf.registerBackend(backendName, () => {
    const fast = precision === 'fast' && threads === 1
    const graphs = new Sessions(binding, { threads, limit: sessions })
    return new OnnxRuntimeBackend(backendName, new Arena(pages), graphs, fast)
  })
  // The kernels of this engine fall back to them.
  mendCpu()
  registerCpuKernels(backendName)
  registerKernels(backendName)
}
