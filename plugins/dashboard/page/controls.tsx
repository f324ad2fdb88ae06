import { useState } from 'preact/hooks'
import type { Overview } from '../protocol.ts'
import { ask } from './asking.ts'
import { studyPath } from './route.ts'

/** What a token allows: shown only where the search runs in the server's process. */
export function ControlsBar({ study, overview }: { readonly study: string; readonly overview: Overview }) {
  const [token, setToken] = useState('')
  const [architecture, setArchitecture] = useState('')
  const [said, setSaid] = useState('')
  if (overview.controls.length === 0) return null
  const send = async (action: string, body?: unknown) => {
    try {
      await ask(`/api${studyPath(study, action)}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body ?? {}),
      })
      setSaid(action === 'stop' ? 'The search stops after what is under way.' : 'The trial waits for its turn.')
    } catch (thrown) {
      setSaid(thrown instanceof Error ? thrown.message : String(thrown))
    }
  }
  const enqueue = async () => {
    try {
      await send('enqueue', { architecture: JSON.parse(architecture) })
    } catch {
      setSaid('The architecture is not JSON; expected the form that the page of a trial shows.')
    }
  }
  return (
    <details class="controls">
      <summary>Change this search</summary>
      <div class="fields">
        <label class="field">
          <span>Token</span>
          <input type="password" value={token} onInput={(event) => setToken(event.currentTarget.value)} />
        </label>
        {overview.controls.includes('stop') && (
          <button type="button" onClick={() => send('stop')}>
            Stop the search
          </button>
        )}
      </div>
      {overview.controls.includes('enqueue') && (
        <div class="fields">
          <label class="field grow">
            <span>Architecture as JSON</span>
            <textarea rows={3} value={architecture} onInput={(event) => setArchitecture(event.currentTarget.value)} />
          </label>
          <button type="button" onClick={enqueue}>
            Enqueue a trial
          </button>
        </div>
      )}
      <p role="status">{said}</p>
    </details>
  )
}
