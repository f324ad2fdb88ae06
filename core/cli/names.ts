import { existsSync, readdirSync } from 'node:fs'
import { extname } from 'node:path'

/** Benchmarks belong to a checkout; an installed package has none. */
export const benchFolder = new URL('../../test/bench/', import.meta.url)

export const benchNames = (): readonly string[] =>
  existsSync(benchFolder)
    ? readdirSync(benchFolder).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []))
    : []

const plugins = new URL('../../plugins/', import.meta.url)
// Source and build lie in the same order of folders.
const EXPERIMENT = `experiment${extname(import.meta.url)}`

export const experimentOf = (paper: string): URL => new URL(`${paper}/${EXPERIMENT}`, plugins)

const MEDIUM = `medium${extname(import.meta.url)}`

/** Where a paper's plugin states its experiments of the medium scale. */
export const mediumOf = (paper: string): URL => new URL(`${paper}/${MEDIUM}`, plugins)

/** Papers that have a medium scale. */
export const mediumNames = (): readonly string[] => readdirSync(plugins).filter((paper) => existsSync(mediumOf(paper)))

/** Papers whose plugin has an experiment. */
export const experimentNames = (): readonly string[] =>
  readdirSync(plugins).filter((paper) => existsSync(experimentOf(paper)))

const FORM = `export-study${extname(import.meta.url)}`

/** Where a plugin states the form in which it exports studies. */
export const formOf = (plugin: string): URL => new URL(`${plugin}/${FORM}`, plugins)

/** Plugins that export studies in a form of their own. */
export const formNames = (): readonly string[] => readdirSync(plugins).filter((plugin) => existsSync(formOf(plugin)))
