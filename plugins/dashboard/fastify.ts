import { messageOf } from '../../core/index.ts'
import { error } from './errors.ts'

/** fastify is an optional peer dependency. Error: ARCHLOOM_DASHBOARD_PACKAGE_MISSING. */
export async function fastifyHere(
  load: () => Promise<Pick<typeof import('fastify'), 'fastify'>> = () => import('fastify'),
) {
  try {
    return (await load()).fastify
  } catch (cause) {
    const reason = messageOf(cause)
    throw error('ARCHLOOM_DASHBOARD_PACKAGE_MISSING', { name: 'fastify', install: 'fastify@5', reason }, { cause })
  }
}
