import { VERSION } from '../../version.ts'

const packageJson = (name: string, archloom: string) => ({
  name,
  private: true,
  type: 'module',
  scripts: { start: 'archloom run search.ts', check: 'tsc --noEmit' },
  dependencies: { archloom },
  devDependencies: { '@types/node': '^22.0.0', typescript: '^5.9.0' },
})

const tsconfig = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'ESNext.Collection', 'ESNext.Iterator'],
    types: ['node'],
    module: 'NodeNext',
    strict: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
}

const search = `import { createSearch, defineSpace, integer, oneOf, product, real, type StudyOptions } from 'archloom'
import { tpe } from 'archloom/plugins/tpe'

/** The search space. Each decision has a name; its type follows from its options. */
export const space = defineSpace(
  'first-space',
  product({
    layers: integer(1, 8),
    activation: oneOf('relu', 'tanh', 'gelu'),
    learningRate: real(1e-4, 1e-1, { scale: 'log' }),
  }),
)

/** Flags of the command line: npm start -- --trials 100 */
export const flags = { trials: { type: 'number', describe: 'number of architectures to evaluate' } } as const

interface Options {
  readonly trials?: number
  /** Passed by the command line, so that a study can be named and resumed. */
  readonly study?: StudyOptions
}

export const search = ({ trials = 40, study = {} }: Options) =>
  createSearch({
    space,
    // A stand-in for your training: replace it with a function that measures an architecture.
    evaluator: ({ layers, activation, learningRate }) => ({
      loss: Math.abs(layers - 5) + (activation === 'gelu' ? 0 : 1) + Math.abs(Math.log10(learningRate) + 2),
    }),
    plugins: [tpe()],
    objectives: { loss: 'minimise' },
    budget: { maxTrials: trials },
    study,
  })
`

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** Files of a new project, by name. \`archloom\`: where npm finds the package. */
export const project = (name: string, archloom = `^${VERSION}`): Readonly<Record<string, string>> => ({
  'package.json': json(packageJson(name, archloom)),
  'tsconfig.json': json(tsconfig),
  'search.ts': search,
  '.gitignore': 'node_modules\narchloom-studies\n',
})
