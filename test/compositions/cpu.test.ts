import { matrixOn } from './matrix.ts'

matrixOn('cpu')
