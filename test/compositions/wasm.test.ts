import { matrixOn } from './matrix.ts'

matrixOn('wasm')
