import { error } from './errors.ts'

/** One layer with weights as plain data, from which its cost for one image is counted. */
export interface LayerRow {
  readonly name: string
  readonly kind: 'convolution' | 'depthwise-convolution' | 'transposed-convolution' | 'dense'
  /** Height and width of the kernel; [1, 1] for dense layers. */
  readonly kernel: readonly [number, number]
  readonly inputs: number
  readonly outputs: number
  /** Number of groups; for a depthwise convolution, the number of channels. Default: 1. */
  readonly groups?: number
  /**
   * Number of positions at which the kernel is applied: those of the output, or of the input of a transposed
   * convolution.
   */
  readonly positions: number
  /** Number of other values of the layer: bias, scale and offset. Default: 0. */
  readonly others?: number
  /** Bits of weights and of activations. Default: 32 each. */
  readonly weightBits?: number
  readonly activationBits?: number
}

export interface LayerCost {
  /**
   * Multiply-adds for one image in convolutions and dense layers; bias, normalisation, activation and pooling do not
   * count.
   */
  readonly multiplyAdds: number
  readonly parameters: number
  /** Bit operations: Σ multiply-adds · weight bits · activation bits (SBS; full precision counts 32 × 32). */
  readonly bops: number
  /** Size in bytes: the weights at their bits, and four bytes for each other value. */
  readonly bytes: number
}

export const weightsOf = ({ kernel: [height, width], inputs, outputs, groups = 1 }: LayerRow): number =>
  (height * width * inputs * outputs) / groups

export const multiplyAddsOf = (row: LayerRow): number => weightsOf(row) * row.positions

const bitsOf = ({ weightBits = 32, activationBits = 32 }: LayerRow) => weightBits * activationBits

/** Sums up the cost of a table of layers. Error: ARCHLOOM_PROFILE_LAYER_TABLE. */
export function costOf(rows: readonly LayerRow[]): LayerCost {
  const total = { multiplyAdds: 0, parameters: 0, bops: 0, bytes: 0 }
  for (const row of rows) {
    checkRow(row)
    const [weights, others] = [weightsOf(row), row.others ?? 0]
    total.multiplyAdds += multiplyAddsOf(row)
    total.parameters += weights + others
    total.bops += multiplyAddsOf(row) * bitsOf(row)
    total.bytes += Math.ceil((weights * (row.weightBits ?? 32)) / 8) + 4 * others
  }
  return total
}

function checkRow(row: LayerRow): void {
  const groups = row.groups ?? 1
  const counts = { inputs: row.inputs, outputs: row.outputs, positions: row.positions, groups }
  const sizes = { ...counts, height: row.kernel[0], width: row.kernel[1] }
  for (const [field, received] of Object.entries(sizes))
    if (!Number.isInteger(received) || received < 1)
      throw error('ARCHLOOM_PROFILE_LAYER_TABLE', { layer: row.name, field, received, expected: 'a positive integer' })
  if (row.inputs % groups !== 0 || row.outputs % groups !== 0)
    throw error('ARCHLOOM_PROFILE_LAYER_TABLE', {
      layer: row.name,
      field: 'groups',
      received: groups,
      expected: `a divisor of ${row.inputs} inputs and ${row.outputs} outputs`,
    })
  for (const field of ['weightBits', 'activationBits'] as const) {
    const received = row[field] ?? 32
    if (!(received >= 0 && received <= 64))
      throw error('ARCHLOOM_PROFILE_LAYER_TABLE', { layer: row.name, field, received, expected: '0 to 64 bits' })
  }
}

/** The same layers with other bits, for all layers or by name; layers that are not named keep theirs. */
export const withBits = (
  rows: readonly LayerRow[],
  bits: (row: LayerRow, index: number) => { readonly weights?: number; readonly activations?: number },
): LayerRow[] =>
  rows.map((row, index) => {
    const { weights, activations } = bits(row, index)
    return {
      ...row,
      ...(weights !== undefined && { weightBits: weights }),
      ...(activations !== undefined && { activationBits: activations }),
    }
  })
