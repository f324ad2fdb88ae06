import type { Store, Studies } from 'archloom'

/** Studies in memory that a test can write. */
export const placeOf = (stores: Readonly<Record<string, Store>>): Studies => ({
  url: 'memory:test',
  list: async () => Object.keys(stores).sort(),
  open: async (name) => {
    const store = stores[name]
    if (!store) throw Object.assign(new Error(`no study is called ${name}`), { code: 'ARCHLOOM_STUDY_NOT_FOUND' })
    return { ...store, close: () => {} }
  },
  isWritten: async () => undefined,
  remove: async () => {},
})
