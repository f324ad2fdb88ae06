import { defineSpace, type Infer, oneOf, product, real, variant } from '../../../core/index.ts'

/** How a quantity is turned before it is learned. */
const transform = oneOf('none', 'root', 'log')

/** Kinds of models and their settings: one space, so that one search chooses both. */
export const tableDecisions = variant({
  mean: product({}),
  linear: product({ weightDecay: oneOf(1e-2) }),
  trees: product({
    learningRate: real(0.02, 0.2, { scale: 'log' }),
    leaves: oneOf(5, 8, 16, 31, 63, 127),
    leafRows: oneOf(2, 5, 10, 20, 50),
    rowShare: oneOf(0.6, 0.8, 1),
    featureShare: oneOf(0.3, 0.5, 0.7, 1),
    penalty: oneOf(0.1, 1, 10),
    transform,
  }),
  network: product({
    width: oneOf(32, 64, 128, 256),
    blocks: oneOf(1, 2, 3),
    dropout: oneOf(0, 0.1, 0.3),
    learningRate: real(5e-4, 1e-2, { scale: 'log' }),
    weightDecay: oneOf(1e-4, 1e-2, 1e-1),
    epochs: oneOf(20, 40, 80),
    /** Numbers with few values as categories too, others by the intervals that they lie in. */
    detail: oneOf(true, false),
    transform,
  }),
  kernel: product({
    gamma: real(0.1, 10, { scale: 'log' }),
    penalty: real(1e-3, 3, { scale: 'log' }),
    transform,
  }),
})
export type TableArchitecture = Infer<typeof tableDecisions>
export type TreesArchitecture = Extract<TableArchitecture, { type: 'trees' }>
export type NetworkArchitecture = Extract<TableArchitecture, { type: 'network' }>

export const tableSpace = () => defineSpace('fit-tables', tableDecisions)

export interface TableFacts {
  readonly rows: number
  readonly classification: boolean
  /** The target is a quantity without negative values, and its largest values are far from its middle. */
  readonly skewed: boolean
}

/** The most rows of a kernel model: its time grows with their cube. */
export const KERNEL_ROWS = 2500

const trees = (settings: Partial<TreesArchitecture> = {}): TableArchitecture => ({
  type: 'trees',
  learningRate: 0.06,
  leaves: 31,
  leafRows: 10,
  rowShare: 0.8,
  featureShare: 0.7,
  penalty: 1,
  transform: 'none',
  ...settings,
})
const networks = (settings: Partial<NetworkArchitecture> = {}): TableArchitecture => ({
  type: 'network',
  width: 128,
  blocks: 2,
  dropout: 0.1,
  learningRate: 2e-3,
  weightDecay: 1e-2,
  epochs: 40,
  detail: true,
  transform: 'none',
  ...settings,
})

/** What is tried first: baselines, then settings that are good on most tables. */
export function tablePortfolio({ rows, classification, skewed }: TableFacts): readonly TableArchitecture[] {
  const transform = skewed ? 'root' : 'none'
  const few = rows <= KERNEL_ROWS
  const kernel = (gamma: number, penalty: number): TableArchitecture[] =>
    few ? [{ type: 'kernel', gamma, penalty, transform }] : []
  return [
    { type: 'mean' },
    ...kernel(1, classification ? 0.1 : 0.3),
    trees(),
    ...(skewed ? [] : [trees({ leaves: 5, leafRows: 50, learningRate: 0.1 })]),
    networks({ transform }),
    // Which of the two forms a network needs differs from table to table.
    ...(skewed ? [] : [networks({ detail: false, transform })]),
    { type: 'linear', weightDecay: 1e-2 },
    ...kernel(3, 0.1),
    trees({ leaves: 63, leafRows: 5, featureShare: 0.5, learningRate: 0.05, transform }),
    ...(skewed
      ? [trees({ leaves: 63, leafRows: 5, featureShare: 0.7, learningRate: 0.05 })]
      : [trees({ leaves: 8, leafRows: 20, learningRate: 0.1 })]),
    networks({ width: 256, dropout: 0.3, transform }),
    trees({ leaves: 16, leafRows: 2, featureShare: 0.3, learningRate: 0.05, rowShare: 0.6, transform }),
    networks({ width: 128, blocks: 3, detail: false, transform }),
  ]
}

const short = (value: number) => Number(value.toPrecision(2))

/** One line for an architecture. */
export function tableNameOf(architecture: TableArchitecture): string {
  if (architecture.type === 'mean') return 'baseline: the mean, or the frequencies of the classes'
  if (architecture.type === 'linear') return `linear, weight decay ${architecture.weightDecay}`
  const turned = architecture.transform === 'none' ? '' : `, ${architecture.transform} of the target`
  if (architecture.type === 'kernel')
    return `kernel, gamma ${short(architecture.gamma)}, penalty ${short(architecture.penalty)}${turned}`
  if (architecture.type === 'trees')
    return `boosted trees, ${architecture.leaves} leaves of ${architecture.leafRows} rows, rate ${short(architecture.learningRate)}${turned}`
  const { width, blocks, dropout, detail } = architecture
  return `network, ${blocks} residual block${blocks === 1 ? '' : 's'} of ${width}, dropout ${dropout}${detail ? ', detailed numbers' : ''}${turned}`
}
