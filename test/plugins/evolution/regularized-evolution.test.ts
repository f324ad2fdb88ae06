import { controllerContract } from '../../../core/testing/index.ts'
import { regularizedEvolution } from '../../../plugins/evolution/regularized-evolution.ts'

controllerContract('regularised evolution', regularizedEvolution({ population: 10, sample: 5 }))
controllerContract(
  'regularised evolution by dominance',
  regularizedEvolution({ population: 10, sample: 5, select: 'pareto' }),
)
