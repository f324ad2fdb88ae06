import { type Layer, sequential, type VariableScope } from '../../core/tensor/index.ts'
import type { LayerCounter } from './cost.ts'

export interface OperationOptions {
  readonly channelsIn: number
  readonly channelsOut: number
  /** 1 keeps height and width, 2 halves them (rounded up). Default 1. */
  readonly stride?: number
  /** Learned scale and offset in normalisations. Default true; supernets that share weights turn it off. */
  readonly affine?: boolean
  /** Normalise (never affine) after pooling, as supernets of the DARTS family do. Default false. */
  readonly normalisePooling?: boolean
}

/** One option of an edge or block: what it computes and what that costs. [b, h, w, channelsIn] → [b, ⌈h/s⌉, ⌈w/s⌉, channelsOut]. */
export interface Operation {
  readonly name: string
  /** Creates the variables in `scope`. */
  build(scope: VariableScope, options: OperationOptions): Layer
  cost(options: OperationOptions): LayerCounter
  /** Returns its input as it is: drop-path leaves it alone. */
  isIdentity(options: OperationOptions): boolean
}

/** Zeros on every side that keep ⌈size / stride⌉ positions of an odd kernel centred, as in PyTorch. */
export const centred = (kernel: number, dilation = 1): number => (dilation * (kernel - 1)) / 2

/** Strided layers pad like PyTorch, from where the published weights and counts come; unstrided ones agree with 'same'. */
export const paddingOf = (kernel: number, stride: number, dilation = 1): number | 'same' =>
  stride === 1 ? 'same' : centred(kernel, dilation)

/** One after the other, each with its own child scope, named by position. */
export const stack = (scope: VariableScope, ...builders: readonly ((scope: VariableScope) => Layer)[]): Layer =>
  sequential(...builders.map((build, index) => build(scope.child(index))))
