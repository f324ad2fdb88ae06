import type {} from 'webgpu'
import type { ArchloomError } from '../../core/errors.ts'
import { error } from './errors.ts'

/**
 * Watches one device. WebGPU reports a refused command or a lost device asynchronously, and lets the program continue
 * with buffers of zeros; `check` turns the first such report into an error.
 */
export class DeviceWatch {
  readonly adapter: string
  private failure: ArchloomError | undefined

  constructor(device: GPUDevice, adapter: string) {
    this.adapter = adapter
    device.addEventListener('uncapturederror', (event) => {
      // The first report is the cause; those after it are its consequences.
      this.failure ??= error('ARCHLOOM_WEBGPU_DEVICE_ERROR', { adapter, reason: firstLine(event.error.message) })
    })
    device.lost.then(({ reason, message }) => this.lose(`${reason}, ${firstLine(message)}`))
  }

  /** @throws ARCHLOOM_WEBGPU_DEVICE_LOST, ARCHLOOM_WEBGPU_DEVICE_ERROR */
  check(): void {
    if (this.failure) throw this.failure
  }

  /** The error of a read that the device did not serve. */
  lose(reason: string): ArchloomError {
    this.failure ??= error('ARCHLOOM_WEBGPU_DEVICE_LOST', { adapter: this.adapter, reason })
    return this.failure
  }
}

const firstLine = (text: string): string => text.split('\n')[0] as string
