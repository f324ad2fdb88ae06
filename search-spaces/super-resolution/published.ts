import type {
  NormalOperationName,
  SuperResolutionArchitecture,
  SuperResolutionEdge,
  SuperResolutionNode,
  UpsamplingOperationName,
} from './space.ts'

const names = {
  skip: 'skip_connect',
  sep3: 'sep_conv_3x3',
  sep5: 'sep_conv_5x5',
  dil3: 'dil_conv_3x3',
  dil5: 'dil_conv_5x5',
  rcab: 'rcab',
} as const satisfies Readonly<Record<string, NormalOperationName>>

type Two<E> = readonly [E, E]
const nodesOf = <Op extends string>(...edges: readonly Two<SuperResolutionEdge<Op>>[]): SuperResolutionNode<Op>[] =>
  edges.map(([left, right]) => ({ left, right }))

const normal = (...nodes: readonly Two<readonly [keyof typeof names, number]>[]) =>
  nodesOf<NormalOperationName>(
    ...nodes.map(
      ([a, b]) =>
        [
          { op: names[a[0]], input: a[1] },
          { op: names[b[0]], input: b[1] },
        ] as const,
    ),
  )
const upsampling = (...nodes: readonly Two<readonly [UpsamplingOperationName, number]>[]) =>
  nodesOf<UpsamplingOperationName>(
    ...nodes.map(
      ([a, b]) =>
        [
          { op: a[0], input: a[1] },
          { op: b[0], input: b[1] },
        ] as const,
    ),
  )

/** Guo et al., Hierarchical Neural Architecture Search for SISR (arXiv:2003.04619): found with λ = 0.2. */
export const HNAS_A: SuperResolutionArchitecture = {
  normal: normal(
    [
      ['skip', 1],
      ['sep5', 1],
    ],
    [
      ['dil3', 0],
      ['dil5', 1],
    ],
    [
      ['skip', 1],
      ['dil3', 1],
    ],
    [
      ['dil5', 1],
      ['sep3', 4],
    ],
  ),
  upsampling: upsampling(
    [
      ['deconvolution', 0],
      ['bilinear', 0],
    ],
    [
      ['area', 1],
      ['deconvolution', 0],
    ],
    [
      ['area', 3],
      ['bilinear', 0],
    ],
    [
      ['bilinear', 1],
      ['deconvolution', 3],
    ],
  ),
  position: 9,
}

/** The same paper, found with λ = 0.6. */
export const HNAS_B: SuperResolutionArchitecture = {
  normal: normal(
    [
      ['dil3', 0],
      ['rcab', 1],
    ],
    [
      ['dil5', 0],
      ['sep5', 1],
    ],
    [
      ['sep3', 1],
      ['dil3', 0],
    ],
    [
      ['sep3', 2],
      ['dil5', 3],
    ],
  ),
  upsampling: upsampling(
    [
      ['sub_pixel', 1],
      ['bilinear', 1],
    ],
    [
      ['bilinear', 1],
      ['sub_pixel', 0],
    ],
    [
      ['sub_pixel', 3],
      ['sub_pixel', 3],
    ],
    [
      ['deconvolution', 0],
      ['nearest', 1],
    ],
  ),
  position: 11,
}

/**
 * The same paper, found with λ = 0.9. A comment in the released code says position 11, but only 9 gives the published
 * cost.
 */
export const HNAS_C: SuperResolutionArchitecture = {
  normal: normal(
    [
      ['rcab', 1],
      ['skip', 1],
    ],
    [
      ['dil3', 1],
      ['skip', 0],
    ],
    [
      ['dil5', 0],
      ['rcab', 3],
    ],
    [
      ['dil5', 4],
      ['dil3', 0],
    ],
  ),
  upsampling: upsampling(
    [
      ['sub_pixel', 0],
      ['nearest', 1],
    ],
    [
      ['deconvolution', 2],
      ['nearest', 0],
    ],
    [
      ['deconvolution', 3],
      ['sub_pixel', 2],
    ],
    [
      ['bilinear', 0],
      ['area', 0],
    ],
  ),
  position: 9,
}
