import { convolutions } from './convolution.ts'
import { register } from './kernel.ts'

/** Every kernel this engine has of its own; the cpu kernels run below them and beside them. */
export function registerKernels(backendName: string): void {
  register(backendName, { ...convolutions })
}
