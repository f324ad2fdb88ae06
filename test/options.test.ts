import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { describe, expect, it } from 'vitest'
import { doors, factoriesOf } from './option-doors.ts'

interface Case {
  /** One of its options, which is misspelt on purpose. */
  readonly option: string
  /** What else it must be given. */
  readonly given?: object
  /** Place of the options among the arguments. Default 0. */
  readonly at?: number
}

/** Every public function whose options are declared. A new one belongs here. */
const declared: Readonly<Record<string, Case>> = {
  'archloom#createSearch': { option: 'seed' },
  'archloom#observeInBatches': { option: 'everyMs', at: 1 },
  'archloom/testing#schedulerContract': { option: 'trials', at: 2 },
  'archloom/search-spaces/cell#cellSpace': { option: 'channels' },
  'archloom/search-spaces/cell#skeletonOptions': { option: 'channels' },
  'archloom/search-spaces/chain#chainSpace': { option: 'kernels' },
  'archloom/search-spaces/nas-bench-201#nasBench201ChainSpace': { option: 'channels' },
  'archloom/search-spaces/nas-bench-201#nasBench201Space': { option: 'channels' },
  'archloom/search-spaces/nas-bench-macro#nasBenchMacroSpace': { option: 'channels' },
  'archloom/search-spaces/super-resolution#baselineChannels': { option: 'position', given: { block: 'rcab' } },
  'archloom/search-spaces/super-resolution#baselineCost': { option: 'position', given: { block: 'rcab' } },
  'archloom/search-spaces/super-resolution#buildBaselineNetwork': { option: 'position', given: { block: 'rcab' } },
  'archloom/search-spaces/super-resolution#buildCompactNetwork': { option: 'features', given: { scale: 2 } },
  'archloom/search-spaces/super-resolution#superResolutionSpace': { option: 'channels' },
  'archloom/fit#fitSeries': { option: 'lags', given: { data: [], target: 'y' } },
  'archloom/fit#fit': { option: 'minutes', given: { data: [] } },
  'archloom/search-spaces/toy#toySpace': { option: 'normalisation' },
  'archloom/evaluators/tabular#nasBench201Table': { option: 'dataset' },
  'archloom/evaluators/train-from-scratch#retrain': { option: 'epochs', at: 1 },
  'archloom/evaluators/train-from-scratch#trainFromScratch': { option: 'repeats' },
  'archloom/evaluators/training#cosine': { option: 'floor', given: { peak: 1 } },
  'archloom/evaluators/training#linear': { option: 'from', given: { to: 1 } },
  'archloom/evaluators/training#oneCycle': { option: 'rise', given: { peak: 1 } },
  'archloom/evaluators/training#stepDecay': { option: 'factor', given: { start: 1 } },
  'archloom/evaluators/training#supervisedTrainer': { option: 'optimizer' },
  'archloom/evaluators/training#trainingSession': { option: 'averageOver' },
  'archloom/evaluators/upscaling#filePairs': { option: 'format', at: 2 },
  'archloom/evaluators/weight-sharing#collapseWatch': { option: 'skipShare', at: 1 },
  'archloom/evaluators/weight-sharing#disturbanceWatch': { option: 'after', at: 1 },
  'archloom/evaluators/weight-sharing#operationShares': { option: 'skips', at: 2 },
  'archloom/evaluators/weight-sharing#sharedSgd': { option: 'momentum' },
  'archloom/evaluators/weight-sharing#weightSharing': { option: 'batchSize' },
  'archloom/plugins/abs#abs': { option: 'target' },
  'archloom/plugins/annealing#annealing': { option: 'cooling' },
  'archloom/plugins/annealing#simulatedAnnealing': { option: 'cooling' },
  'archloom/plugins/asha#asha': { option: 'variant' },
  'archloom/plugins/asha#asynchronousHalving': { option: 'variant' },
  'archloom/plugins/cma-es#cmaEs': { option: 'population' },
  'archloom/plugins/cma-es#evolutionStrategy': { option: 'population' },
  'archloom/plugins/cnas#cnas': { option: 'candidates' },
  'archloom/plugins/cnas#cnasController': { option: 'hidden', at: 2 },
  'archloom/plugins/cnas#controllerLayout': { option: 'hidden', at: 1 },
  'archloom/plugins/cnas#policyLearner': { option: 'hidden', at: 2 },
  'archloom/plugins/darts#darts': { option: 'epochs' },
  'archloom/plugins/dinas#dinas': { option: 'alpha' },
  'archloom/plugins/dinas#projected': { option: 'alpha', at: 1 },
  'archloom/plugins/drn#drn': { option: 'dualWeight' },
  'archloom/plugins/drn#dualRegressionTrainer': { option: 'dualWeight' },
  'archloom/plugins/drn#enlargements': { option: 'folder' },
  'archloom/plugins/enas#enas': { option: 'candidates' },
  'archloom/plugins/evolution#evolution': { option: 'population' },
  'archloom/plugins/evolution#regularizedEvolution': { option: 'population' },
  'archloom/plugins/fit#fitSeries': { option: 'lags', given: { data: [], target: 'y' } },
  'archloom/plugins/fit#fit': { option: 'minutes', given: { data: [] } },
  'archloom/plugins/gdas#gdas': { option: 'temperature' },
  'archloom/plugins/gp#bayesianSearch': { option: 'candidates' },
  'archloom/plugins/gp#gp': { option: 'candidates' },
  'archloom/plugins/grid#grid': { option: 'shuffle' },
  'archloom/plugins/grid#gridSearch': { option: 'shuffle' },
  'archloom/plugins/tensorboard#tensorboard': { option: 'everyMs' },
  'archloom/plugins/optuna-journal#optunaJournal': { option: 'everyMs', given: { file: 'x' } },
  'archloom/plugins/hnas#hnas': { option: 'tradeOff' },
  'archloom/evaluators/worker-pool#workerPool': { option: 'graceSeconds' },
  'archloom/plugins/hnas#policyLearner': { option: 'hidden', at: 2 },
  'archloom/plugins/hnas#retrainUpscaler': { option: 'looks', at: 1 },
  'archloom/plugins/hnas#sharedUpscaling': { option: 'ensemble' },
  'archloom/plugins/hyperband#halvingBrackets': { option: 'minFidelity' },
  'archloom/plugins/hyperband#hyperband': { option: 'minFidelity' },
  'archloom/plugins/hyperband#hyperbandBrackets': { option: 'minFidelity' },
  'archloom/plugins/hyperband#successiveHalving': { option: 'minFidelity' },
  'archloom/plugins/jwdm#jwdmTrainer': { option: 'criticSteps' },
  'archloom/plugins/lccgan#autoEncoderTrainer': { option: 'loss' },
  'archloom/plugins/lccgan#gallery': { option: 'folder' },
  'archloom/plugins/lccgan#ganTrainer': { option: 'beta1' },
  'archloom/plugins/lccgan#lccgan': { option: 'coordinates' },
  'archloom/plugins/lccgan#lccganTrainer': { option: 'coordinates' },
  'archloom/plugins/lccgan#learnBases': { option: 'ridge', at: 1 },
  'archloom/plugins/lccgan#learnBasesByAdam': { option: 'rounds', at: 1 },
  'archloom/plugins/lccgan#learnLatent': { option: 'scheme', at: 1 },
  'archloom/plugins/local-search#hillClimbing': { option: 'restarts' },
  'archloom/plugins/local-search#localSearch': { option: 'restarts' },
  'archloom/plugins/median-stopping#medianRule': { option: 'startUpTrials' },
  'archloom/plugins/median-stopping#medianStopping': { option: 'startUpTrials' },
  'archloom/plugins/median-stopping#patience': { option: 'minDelta' },
  'archloom/plugins/median-stopping#patienceRule': { option: 'minDelta' },
  'archloom/plugins/nsga2#geneticSearch': { option: 'crossover' },
  'archloom/plugins/nsga2#nsga2': { option: 'crossover' },
  'archloom/plugins/onnx#importGraphModel': { option: 'output', at: 1 },
  'archloom/plugins/onnx#importLayersModel': { option: 'output', at: 1 },
  'archloom/plugins/onnx#importOnnx': { option: 'layout', at: 1 },
  'archloom/plugins/reinforce#policySearch': { option: 'policy' },
  'archloom/plugins/reinforce#reinforce': { option: 'policy' },
  'archloom/plugins/sobol#sobol': { option: 'scramble' },
  'archloom/plugins/sobol#sobolSearch': { option: 'scramble' },
  'archloom/plugins/spos#pathEvolution': { option: 'parents' },
  'archloom/plugins/spos#spos': { option: 'parents' },
  'archloom/plugins/tpe#tpe': { option: 'candidates' },
  'archloom/plugins/tpe#treeParzen': { option: 'candidates' },
}

/**
 * Functions whose parameter is called `options` or is taken apart, and that do not refuse an unknown name yet, or that
 * only hand what they are given to one that does. This list may only become shorter.
 */
const others: Readonly<Record<string, string>> = {
  archloom: 'alternate deduped defineSpace exportTop integer occurrences oneOf readStudy real retried subset timed',
  'archloom/options': 'options',
  'archloom/node': 'journalStore journalStudies',
  'archloom/tensor':
    'adam adamW avgPool batchNorm batchRenorm conv2d dense depthwiseConv2d doctorReport dropout encodeSafetensors factorisedReduction groupNorm loadSafetensors maxPool momentum network normal pixelShuffle prelu probe runningBatchNorm saveSafetensors softmaxCrossEntropy trainStep trainStepAsync transposedConv2d truncatedNormal uniform variableScope zero',
  'archloom/policy': 'categoricalPolicy layoutOf lstmPolicy policyAdam policyGradientStep policyOver',
  'archloom/testing': 'banditSpace controllerContract evaluationContext evaluatorContract spaceContract storeContract',
  'archloom/search-spaces/cell': 'buildCellNetwork cellCost cellNetwork cellSupernet countStem planCells',
  'archloom/search-spaces/chain': 'chainSupernet',
  'archloom/search-spaces/compression':
    'channelSpace layerGraph multiPathNetwork preActivationResNet pruningProblem readSavedModel resNetGraph superBitNetwork superBitPlan superBitSpace superQuantise vggGraph',
  'archloom/search-spaces/convnet': 'convnetSpace',
  'archloom/search-spaces/nas-bench-201': 'buildNasBench201Network nasBench201Cost nasBench201Network',
  'archloom/search-spaces/operations':
    'buildBlockChain convNorm countConvolution countDepthwise countFactorisedReduction countFree nameableOptions',
  'archloom/search-spaces/super-resolution':
    'buildSuperResolutionNetwork countResidualChannelAttention residualChannelAttention superResolutionCost superResolutionSupernet',
  'archloom/evaluators/data':
    'appleOrange cifar10 cifar100 download embedded fashionMnist findData generatedImages imageFolder imageSplit mixture mnist moons orGenerated parseCifar readCifar readFrames readImageFolder rings splitDataset swissRoll unpairedFolders unpairedImages usps',
  'archloom/evaluators/metrics': 'accuracy classify meanLoss psnr ssim',
  'archloom/evaluators/profile': 'latencyMs latencyOf profileNetwork profiler timed weightsOf',
  'archloom/evaluators/tabular': 'nasBenchMacroTable',
  'archloom/evaluators/upscaling': 'assembleFrames loadUpscaler saveUpscaler sideBySide upscaleFiles upscaleTiled',
  'archloom/evaluators/weight-sharing': 'oneShot weightTrainer',
  'archloom/plugins/abs':
    'absCompress absSearch fineTune multiPathSearch pruneThenQuantise randomBits readOut uniformBits',
  'archloom/plugins/cacp':
    'cacp cacpController calibrate compressChannels conditionalEvolution fineTune prunedAccuracy',
  'archloom/plugins/cnas': 'curriculumSearch growingSpace',
  'archloom/plugins/compress': 'compress',
  'archloom/plugins/darts': 'continuousRelaxation',
  'archloom/plugins/dinas': 'disturbanceImmune',
  'archloom/plugins/drn': 'buildDrn drnCost',
  'archloom/plugins/enas': 'policyStrategy',
  'archloom/plugins/fit': 'fitCommand searchImages trainHandMade',
  'archloom/fit': 'fitCommand searchImages trainHandMade',
  'archloom/plugins/gdas': 'gumbelStrategy',
  'archloom/plugins/hnas': 'hierarchicalPolicy',
  'archloom/plugins/jwdm': 'convolutionalJointNetwork denseJointNetwork jointSteps jwdm',
  'archloom/plugins/lccgan':
    'approximationGap autoEncoder convolutionalAutoEncoder convolutionalGan denseAutoEncoder denseGan game gaussianSampler generatorSpace lccSampler',
  'archloom/plugins/mbn': 'mbn mbnNormalisation mbnTrainer memorizedBatchNorm weightsOf',
  'archloom/plugins/onnx':
    'compareOnnx encodeSafetensors exportOnnx exportQuantisedModel loadSafetensors onnxLatency openOnnx saveSafetensors',
  'archloom/plugins/random': 'random',
  'archloom/plugins/tensorflow': 'buildFromWheel',
}

type Entry = Readonly<Record<string, unknown>>
const entries = await Promise.all(doors().map(async (door) => [door, (await import(door)) as Entry] as const))

describe('options of public functions', () => {
  it.each(Object.entries(declared))('%s refuses a misspelt name and suggests the right one', async (name, found) => {
    const [door = '', made = ''] = name.split('#')
    const factory = entries.find(([entry]) => entry === door)?.[1][made] as (...all: unknown[]) => unknown
    const { option, given = {}, at = 0 } = found
    const misspelt = `${option.slice(0, -1)}q`
    const call = async () => factory(...Array(at).fill({}), { ...given, [misspelt]: 1 }, {})
    const error = await call().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'ARCHLOOM_OPTION', details: { option: misspelt, suggestion: option } })
  })

  it('are declared, but for those of a list that may only become shorter', () => {
    const walked = entries.flatMap(([door, entry]) => factoriesOf(entry).map((name) => `${door}#${name}`))
    const known = new Set([
      ...Object.keys(declared),
      ...Object.entries(others).flatMap(([door, names]) => names.split(' ').map((name) => `${door}#${name}`)),
    ])
    expect(walked.length).toBeGreaterThan(100)
    expect(walked.filter((name) => !known.has(name))).toEqual([])
    expect([...known].filter((name) => !walked.includes(name))).toEqual([])
  })

  it('refuse an optimizer that the stock trainer does not have where the search is composed', () => {
    const split = { batches: () => [], size: 1, classes: 2, inputShape: [1] }
    const data = { train: split, validation: split } as never
    expect(() => trainFromScratch({ data, epochs: 1, trainer: { optimizer: 'rmsprop' as 'sgd' } })).toThrow(
      /ARCHLOOM_OPTION: trainFromScratch: option "trainer.optimizer" is "rmsprop"; expected "sgd" or "adam" or "adamW"/,
    )
  })

  it('would notice a new function', () => {
    expect(factoriesOf({ made: (options: object) => options, other: ({ a = 1 }: { a?: number }) => a })).toEqual([
      'made',
      'other',
    ])
    expect(factoriesOf({ plain: (x: number) => x, constant: 3 })).toEqual([])
  })
})
