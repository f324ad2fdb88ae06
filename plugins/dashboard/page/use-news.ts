import { useEffect, useState } from 'preact/hooks'
import type { Activity, Standing } from '../protocol.ts'
import { follow } from './asking.ts'

export interface Followed {
  readonly standing?: Standing
  /** What happened since the page was opened, the oldest first. */
  readonly activity: readonly Activity[]
  readonly isConnected: boolean
}

const KEPT = 60

/** Follows a study; a broken connection goes on from the last event. */
export function useNews(study: string, from: number | undefined): Followed {
  const [followed, setFollowed] = useState<Followed & { readonly study: string }>(() => nothing(study))
  useEffect(() => {
    if (from === undefined) return
    return follow(study, from, {
      connected: (isConnected) => setFollowed((known) => ({ ...of(known, study), isConnected })),
      news: ({ standing, activity }) =>
        setFollowed((known) => ({
          study,
          standing,
          activity: [...of(known, study).activity, ...activity].slice(-KEPT),
          isConnected: true,
        })),
    })
  }, [study, from])
  return of(followed, study)
}

const nothing = (study: string) => ({ study, activity: [], isConnected: true })
const of = (known: Followed & { readonly study: string }, study: string) =>
  known.study === study ? known : nothing(study)
