import { optionNames, pickOptions } from '../options/index.ts'
import { findSearchSpace } from '../space/registry.ts'
import type { SearchSpace } from '../space/space.ts'
import type { BuildOptions, Network } from '../trainer.ts'
import type { Trial } from '../trial/trial.ts'
import { error } from './errors.ts'
import { type ReadStudyOptions, readStudy } from './read-study.ts'

/** A trial of a study with its typed architecture and a network that the caller disposes. */
export interface ExportedTrial<A> extends Omit<Trial, 'architecture'> {
  readonly architecture: A
  readonly network: Network
}

export interface ExportTopOptions<A> extends BuildOptions, ReadStudyOptions {
  /** Default: the registered space of the study's name; import the module that registers it first. */
  readonly space?: SearchSpace<A>
}

const exportTopNames = optionNames<ExportTopOptions<unknown>>('exportTop', {
  rng: true,
  input: true,
  classes: true,
  storage: true,
  directory: true,
  space: true,
})

/**
 * The k best architectures of a study as built networks, with newly initialised, seeded weights. The caller disposes
 * every network. Errors: ARCHLOOM_STUDY_NOT_FOUND, ARCHLOOM_STUDY_CORRUPT, ARCHLOOM_SPACE_UNKNOWN,
 * ARCHLOOM_STUDY_MISMATCH, ARCHLOOM_STUDY_NO_NETWORKS.
 */
export async function exportTop<A>(
  study: string,
  k: number,
  options: ExportTopOptions<A>,
): Promise<ExportedTrial<A>[]> {
  exportTopNames(options)
  const { rng, input, classes } = options
  const record = await readStudy(study, pickOptions(options, ['storage', 'directory']))
  const space = options.space ?? (findSearchSpace(record.started.space.name) as SearchSpace<A>)
  checkSpace(record.name, space, record.started.space.fingerprint)
  const { build } = space
  if (!build) throw error('ARCHLOOM_STUDY_NO_NETWORKS', { study: record.name, space: space.name })
  return record.best(k).map((trial) => {
    const architecture = space.decode(trial.genotype)
    return { ...trial, architecture, network: build(architecture, { input, classes, rng: rng.fork(trial.text) }) }
  })
}

/**
 * Checks that a study belongs to the space: a genotype has no meaning in another space. Error:
 * ARCHLOOM_STUDY_MISMATCH.
 */
export function checkSpace(study: string, space: SearchSpace, expected: string): void {
  if (space.fingerprint !== expected)
    throw error('ARCHLOOM_STUDY_MISMATCH', { study, field: 'space', received: space.fingerprint, expected })
}
