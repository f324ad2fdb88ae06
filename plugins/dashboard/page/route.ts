import { useEffect, useState } from 'preact/hooks'

export interface Route {
  /** Parts of the path, decoded: ['studies', 'faces', 'trials', '7']. */
  readonly parts: readonly string[]
  readonly query: URLSearchParams
}

const here = (): Route => ({
  parts: location.pathname.split('/').filter(Boolean).map(decoded),
  query: new URLSearchParams(location.search),
})

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const listeners = new Set<() => void>()
const tell = () => {
  for (const listener of [...listeners]) listener()
}

/** Goes to a page without loading it anew. `replace` leaves no step to go back to. */
export function go(path: string, replace = false): void {
  if (replace) history.replaceState(null, '', path)
  else {
    history.pushState(null, '', path)
    window.scrollTo(0, 0)
  }
  tell()
}

/** The current page. Links to pages are followed without loading. */
export function useRoute(): Route {
  const [route, setRoute] = useState(here)
  useEffect(() => {
    const update = () => setRoute(here())
    const follow = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null
      if (!link || event.defaultPrevented || event.button !== 0) return
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
      if (link.origin !== location.origin || link.target !== '' || link.hash !== '' || link.download !== '') return
      event.preventDefault()
      go(link.pathname + link.search)
    }
    listeners.add(update)
    addEventListener('popstate', update)
    document.addEventListener('click', follow)
    return () => {
      listeners.delete(update)
      removeEventListener('popstate', update)
      document.removeEventListener('click', follow)
    }
  }, [])
  return route
}

export const studyPath = (study: string, ...rest: readonly (string | number)[]): string =>
  `/studies/${[study, ...rest].map((part) => encodeURIComponent(part)).join('/')}`

/** The same path with other parameters; undefined removes one. */
export function withQuery(query: URLSearchParams, changes: Readonly<Record<string, string | undefined>>): string {
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(changes))
    if (value === undefined || value === '') next.delete(name)
    else next.set(name, value)
  const text = next.toString()
  return text === '' ? location.pathname : `${location.pathname}?${text}`
}
