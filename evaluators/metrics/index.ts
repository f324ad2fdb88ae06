export { accuracy, type Classification, type ClassificationOptions, classify } from './classification.ts'
export { parameterCount } from './parameters.ts'
