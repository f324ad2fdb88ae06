import { matrixOn } from './matrix.ts'

matrixOn('onnxruntime')
