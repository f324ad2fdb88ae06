import type { ClientBase } from 'pg'
import { storageError } from '../../core/node/stores.ts'

/** The statements that update the schema from each version to the next. Entries are only added, never changed. */
export const migrations: readonly string[] = [
  `CREATE TABLE archloom_studies (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     name text COLLATE "C" NOT NULL UNIQUE
   );
   CREATE TABLE archloom_events (
     study integer NOT NULL REFERENCES archloom_studies (id) ON DELETE CASCADE,
     seq integer NOT NULL,
     -- Text, not jsonb: jsonb changes the order of keys, loses the sign of zero and refuses some characters.
     body text NOT NULL,
     PRIMARY KEY (study, seq)
   );
   CREATE TABLE archloom_artifacts (
     study integer NOT NULL REFERENCES archloom_studies (id) ON DELETE CASCADE,
     name text COLLATE "C" NOT NULL,
     part integer NOT NULL,
     data bytea NOT NULL,
     PRIMARY KEY (study, name, part)
   );`,
]

/** The lock under which one process at a time changes the schema. */
const MIGRATING = 0x61_72_63_68

async function versionOf(client: ClientBase): Promise<number> {
  // Not to_regclass, which does not see within a transaction that another one has created the table meanwhile.
  const table = "SELECT FROM pg_class WHERE relname = 'archloom_schema' AND relkind = 'r' AND pg_table_is_visible(oid)"
  const { rowCount } = await client.query(table)
  if (rowCount === 0) return 0
  const found = await client.query<{ version: number }>('SELECT version FROM archloom_schema')
  return found.rows[0]?.version ?? 0
}

/**
 * Updates the database to the newest schema; several processes may try at once. Error: ARCHLOOM_STORAGE_NEWER if a
 * newer version of archloom has written it.
 */
export async function migrate(client: ClientBase, location: string, steps = migrations): Promise<void> {
  const refuseNewer = (version: number) => {
    if (version > steps.length)
      throw storageError('ARCHLOOM_STORAGE_NEWER', { location, received: version, expected: steps.length })
    return version
  }
  if (refuseNewer(await versionOf(client)) === steps.length) return
  await inTransaction(client, async () => {
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATING})`)
    // Another process may have updated the schema meanwhile.
    const version = refuseNewer(await versionOf(client))
    if (version === steps.length) return
    for (const step of steps.slice(version)) await client.query(step)
    await client.query('CREATE TABLE IF NOT EXISTS archloom_schema (version integer NOT NULL)')
    await client.query('DELETE FROM archloom_schema')
    await client.query('INSERT INTO archloom_schema (version) VALUES ($1)', [steps.length])
  })
}

/** Runs a function in one transaction. */
export async function inTransaction<T>(client: ClientBase, body: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await body()
    const { command } = await client.query('COMMIT')
    // A transaction in which a statement has failed is rolled back by COMMIT, without an error.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
    return result
  } catch (thrown) {
    await client.query('ROLLBACK').catch(() => {})
    throw thrown
  }
}
