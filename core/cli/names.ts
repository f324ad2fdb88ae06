import { existsSync, readdirSync } from 'node:fs'
import { extname } from 'node:path'

/** Benchmarks belong to a checkout; an installed package has none. */
export const benchFolder = new URL('../../test/bench/', import.meta.url)

export const benchNames = (): readonly string[] =>
  existsSync(benchFolder)
    ? readdirSync(benchFolder).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []))
    : []

const plugins = new URL('../../plugins/', import.meta.url)
// Source and build have the same folder structure.
const EXPERIMENT = `experiment${extname(import.meta.url)}`

export const experimentOf = (paper: string): URL => new URL(`${paper}/${EXPERIMENT}`, plugins)

const MEDIUM = `medium${extname(import.meta.url)}`

/** The module in which a paper's plugin defines its medium-scale experiments. */
export const mediumOf = (paper: string): URL => new URL(`${paper}/${MEDIUM}`, plugins)

/** Papers that have a medium scale. */
export const mediumNames = (): readonly string[] => readdirSync(plugins).filter((paper) => existsSync(mediumOf(paper)))

/** Papers whose plugin has an experiment. */
export const experimentNames = (): readonly string[] =>
  readdirSync(plugins).filter((paper) => existsSync(experimentOf(paper)))

/** The entries of the plugins. */
export const pluginIndexes = (): readonly URL[] =>
  readdirSync(plugins)
    .map((plugin) => new URL(`${plugin}/index${extname(import.meta.url)}`, plugins))
    .filter((entry) => existsSync(entry))

const FORM = `export-study${extname(import.meta.url)}`

/** The module in which a plugin defines the form of its exported studies. */
export const formOf = (plugin: string): URL => new URL(`${plugin}/${FORM}`, plugins)

/** Plugins that export studies in a form of their own. */
export const formNames = (): readonly string[] => readdirSync(plugins).filter((plugin) => existsSync(formOf(plugin)))

const STUDIES = `studies${extname(import.meta.url)}`

/** Modules of the plugins that keep studies: importing one registers its schemes of URLs. */
export const studiesModules = (): readonly URL[] =>
  readdirSync(plugins)
    .map((plugin) => new URL(`${plugin}/${STUDIES}`, plugins))
    .filter((module) => existsSync(module))
