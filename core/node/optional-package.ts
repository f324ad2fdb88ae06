import { messageOf } from '../errors.ts'
import { error } from './errors.ts'

/**
 * Loads a package that `npm install --omit=optional` leaves out.
 * @param packageName the name to install it by.
 * @param purpose what needs it, as the subject of a sentence: "Reading images".
 * @param load imports it: `() => import('sharp')`.
 * Error: ARCHLOOM_PACKAGE_MISSING, whose message has the command that installs it.
 */
export async function optionalPackage<T>(packageName: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    // Only the first line: Node goes on with the stack of the modules that required it.
    const [reason = ''] = messageOf(cause).split('\n')
    throw error('ARCHLOOM_PACKAGE_MISSING', { packageName, purpose, reason }, { cause })
  }
}
