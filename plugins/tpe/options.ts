import { among, number, type OptionsOf, options, type ReadOptionsOf, whole } from '../../core/options/index.ts'

export const tpeOptions = options('tpe', {
  startup: whole({ min: 1, default: 10, doc: 'Number of random trials before the model is used.' }),
  candidates: whole({
    min: 1,
    default: 24,
    doc: 'Number of draws from the density of good trials. The draw with the best ratio of densities is proposed.',
  }),
  kernels: whole({
    min: 10,
    default: 128,
    doc: 'Maximum number of trials in the density of the others. If there are more, the newest quarter of this number and an even selection of the older ones are used, so that the time of a proposal does not grow with the number of trials.',
  }),
  several: among(['front', 'reward'], {
    default: 'front',
    doc: 'With several objectives, front: the good trials are those that few others dominate, so that the search finds a whole front (MOTPE). reward: those with the largest weighted sum of the objectives, so that it finds one compromise.',
  }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that must be proposed before an architecture may be proposed again. 0: repetition is always allowed; 1: only when nothing new can be found.',
  }),
})

export type TpeOptions = OptionsOf<typeof tpeOptions>
export type ReadTpeOptions = ReadOptionsOf<typeof tpeOptions>
