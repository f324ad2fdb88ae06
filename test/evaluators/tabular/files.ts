import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = process.env.ARCHLOOM_DATA
/** Whether the folder that ARCHLOOM_DATA names has a table's file. */
export const hasTable = (name: string): boolean => root !== undefined && existsSync(join(root, 'nas', name))
