/** `archloom reproduce jwdm --scale medium`. */
import type { Experiment, ExperimentPart } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { type ToySet, toyRun } from './experiment/toy.ts'

const toy = {
  steps: { gaussians: 600, rings: 800 },
  batch: 128,
  hidden: [64, 64],
  measured: 400,
}

const arms = ['JWDM', 'UNIT-style', 'auto-encoder + cycle', 'CycleGAN-style', 'two GANs']
const [JOINT, INTERPOLATION] = ['joint W₂² above the floor', 'interpolation gap']

const toyPart = (set: ToySet, title: string): ExperimentPart => ({
  name: set,
  title,
  setting: `Two laws in the plane, ${toy.steps[set]} steps of 128 points, log losses for every method, 400 new points measured. The floor is what a perfect pair of maps gives on such a sample. The interpolation gap is the mean difference between the two ways to decode a midpoint of codes in the other domain.`,
  settings: { ...toy, set },
  arms,
  seeds: [11, 12, 13, 14, 15],
  seconds: 14,
  async run(method, { seed, log, signal }) {
    await useEngine()
    const found = await toyRun(set, method, { ...toy, sets: [set], seeds: 1 }, { seed, log, signal })
    return [
      { metric: JOINT, value: found.joint - found.floor },
      { metric: 'floor', value: found.floor },
      { metric: 'cycle L1', value: found.cycle },
      { metric: 'auto-encoder L1', value: found.autoEncoder },
      { metric: INTERPOLATION, value: found.interpolation },
    ]
  },
  metrics: [
    { name: JOINT, digits: 3 },
    { name: 'floor', digits: 3 },
    { name: 'cycle L1', digits: 3 },
    { name: 'auto-encoder L1', digits: 3 },
    { name: INTERPOLATION, digits: 4 },
  ],
  comparisons: [
    { claim: 'The joint objective comes nearer to the joint law than UNIT', control: 'UNIT-style', metric: JOINT },
    {
      claim: 'The joint objective comes nearer to the joint law than cycles',
      control: 'CycleGAN-style',
      metric: JOINT,
    },
    { claim: 'The joint objective comes nearer to the joint law than two GANs', control: 'two GANs', metric: JOINT },
    { claim: 'Interpolations agree better than with UNIT', control: 'UNIT-style', metric: INTERPOLATION },
    {
      claim: 'Interpolations agree better than with auto-encoder and cycle terms alone',
      control: 'auto-encoder + cycle',
      metric: INTERPOLATION,
    },
  ].map((each) => ({
    ...each,
    arm: 'JWDM',
    direction: 'minimise' as const,
    published: null,
    // About a third of the floor; about a hundredth of the spread of the laws.
    effect: each.metric === JOINT ? 0.03 : 0.005,
  })),
})

export const medium: Experiment = {
  paper: 'jwdm',
  parts: [
    toyPart('gaussians', 'Two Gaussians of different shape and place'),
    toyPart('rings', 'Eight modes on two rings of different size and turn'),
  ],
}
