/** Building blocks of search spaces: operations by name, each with its network part and its cost. */

export {
  type BlockChain,
  blockChainCost,
  blockChainNetwork,
  buildBlockChain,
  type ChainPlace,
  type PlacedOperation,
} from './block-chain.ts'
export * from './cost.ts'
export { edgeOperations, type OperationName, operation, operationNames, reluConvNorm } from './edge-operations.ts'
export { convNorm, countConvNorm, type MbConvOptions, mbConv, projectedIdentity } from './mb-conv.ts'
export { type NormalisationOption, nameableOptions, normalisationParts } from './normalisation.ts'
export { type Operation, type OperationOptions, paddingOf, stack } from './operation.ts'
