import { channelKernels } from './channels.ts'
import { convolutions } from './convolution.ts'
import { elementwise } from './elementwise.ts'
import { fusedConvolutions } from './fused-convolution.ts'
import { register } from './kernel.ts'
import { pooling } from './pooling.ts'
import { products } from './products.ts'
import { reductions } from './reductions.ts'
import { selecting } from './selecting.ts'
import { shapes } from './shapes.ts'
import { updates } from './updates.ts'

/** Every kernel this engine has of its own; the cpu kernels run below them and beside them. */
export function registerKernels(backendName: string): void {
  register(backendName, {
    ...convolutions,
    ...fusedConvolutions,
    ...products,
    ...channelKernels,
    ...elementwise,
    ...pooling,
    ...reductions,
    ...selecting,
    ...shapes,
    ...updates,
  })
}
