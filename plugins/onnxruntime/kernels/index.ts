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

/** Every kernel of this engine; the cpu kernels handle all other kernels and cases. */
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
