import { postgresStudies } from 'archloom/plugins/postgres'
import { storeContract, studiesContract } from 'archloom/testing'
import { afterAll, beforeAll } from 'vitest'
import { describeWhere } from '../../conditional-suites.ts'
import { type Cluster, postgresCluster, programs } from './cluster.ts'

describeWhere(programs !== undefined, 'postgres (needs the programs of PostgreSQL)', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await postgresCluster()
  }, 60_000)
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  storeContract('postgres', async () => {
    const studies = postgresStudies(cluster.url(await cluster.makeSchema()))
    return { open: () => studies.open('study', { mode: 'write' }) }
  })

  studiesContract('postgres', async () => {
    const url = cluster.url(await cluster.makeSchema())
    return { connect: () => postgresStudies(url) }
  })
})
