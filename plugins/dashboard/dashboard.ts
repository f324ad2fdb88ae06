import { ArchloomError, declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { callback, type OptionsOf, options, text, whole } from '../../core/options/index.ts'
import { observedStudies } from './observed-studies.ts'
import { type DashboardServer, serveDashboard } from './serve.ts'

export const declared = options('dashboard', {
  port: whole({ min: 0, max: 65_535, doc: 'Port. Default: 8080, or the next free one of ten; 0 takes any.' }),
  host: text({ default: '127.0.0.1', doc: 'Address to listen on. The default can be reached from this machine only.' }),
  onOpen: callback<(url: string) => void>({ doc: 'Called with the address once it can be opened.' }),
})
export type DashboardOptions = OptionsOf<typeof declared>

const about = declarePlugin({
  name: 'dashboard',
  kind: 'observer',
  does: 'Shows a search in the browser while it runs.',
  options: declared,
})

/** What a new attempt would not change. An address that is in use becomes a warning. */
const NEEDED: ReadonlySet<string> = new Set(['ARCHLOOM_DASHBOARD_PACKAGE_MISSING', 'ARCHLOOM_DASHBOARD_PAGE_MISSING'])

/**
 * Serves the dashboard of the search it is a plugin of, from when the study is opened until the search is disposed of.
 * Errors: ARCHLOOM_OPTION; when the study is opened ARCHLOOM_DASHBOARD_PACKAGE_MISSING, ARCHLOOM_DASHBOARD_PAGE_MISSING.
 */
export function dashboard(given: DashboardOptions = {}): Plugin {
  const read = declared.read(given)
  const { port, host, onOpen = () => {} } = read
  return definePlugin({
    ...about,
    options: { host, ...(port !== undefined && { port }) },
    bind: ({ observer }) =>
      observer.to((search) => {
        const starting: Promise<DashboardServer> = serveDashboard({
          studies: observedStudies(search),
          host,
          ...(port !== undefined && { port }),
        })
        starting.then(({ url }) => onOpen(url)).catch((thrown: unknown) => search.warn?.(thrown))
        const end = async () => (await starting).close()
        const ready = async () => {
          try {
            await starting
          } catch (thrown) {
            if (ArchloomError.is(thrown) && NEEDED.has(thrown.code)) throw thrown
          }
        }
        return Object.assign(end, { ready })
      }),
  })
}
