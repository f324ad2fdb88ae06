import { type Layer, sequential, type VariableScope } from '../../core/tensor/index.ts'
import type { LayerCounter } from './cost.ts'

export interface OperationOptions {
  readonly channelsIn: number
  readonly channelsOut: number
  /** 1 keeps height and width, 2 halves them (rounded up). Default 1. */
  readonly stride?: number
  /** Whether normalisations learn a scale and an offset; supernets turn it off. Default: true. */
  readonly affine?: boolean
  /**
   * Whether to normalise after pooling (without scale and offset), as supernets of the DARTS family do. Default:
   * false.
   */
  readonly normalisePooling?: boolean
}

/** One option of an edge or block: its layer and its cost. [b, h, w, channelsIn] → [b, ⌈h/s⌉, ⌈w/s⌉, channelsOut]. */
export interface Operation {
  readonly name: string
  /** Creates the variables in `scope`. */
  build(scope: VariableScope, options: OperationOptions): Layer
  cost(options: OperationOptions): LayerCounter
  /** Whether it returns its input unchanged, so that drop-path does not apply. */
  isIdentity(options: OperationOptions): boolean
}

/** Padding on every side with which an odd kernel gives ⌈size / stride⌉ centred positions, as in PyTorch. */
export const centred = (kernel: number, dilation = 1): number => (dilation * (kernel - 1)) / 2

/** Strided layers are padded as in PyTorch, which the published networks use; for others this equals 'same'. */
export const paddingOf = (kernel: number, stride: number, dilation = 1): number | 'same' =>
  stride === 1 ? 'same' : centred(kernel, dilation)

/** Builds layers in sequence, each in its own child scope that is named by position. */
export const stack = (scope: VariableScope, ...builders: readonly ((scope: VariableScope) => Layer)[]): Layer =>
  sequential(...builders.map((build, index) => build(scope.child(index))))
