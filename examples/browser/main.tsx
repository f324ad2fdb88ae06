import { answersInPage } from 'archloom/plugins/dashboard/in-page'
import { answerFrom, Brand, ComparePage, StudyPage, useRoute } from 'archloom/plugins/dashboard/page'
import { render } from 'preact'
import { RunCard, StartCard } from './cards.tsx'
import { place, runOf } from './runs.ts'

answerFrom(answersInPage(place))

function App() {
  const { parts, query } = useRoute()
  const [first, study, page = '', item] = parts
  const run = first === 'studies' ? runOf(study) : undefined
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Brand />
        <nav aria-label="Sections">
          <a href="/" aria-current={first === undefined ? 'page' : undefined}>
            Search
          </a>
          <a href="/compare" aria-current={first === 'compare' ? 'page' : undefined}>
            Compare
          </a>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {first === 'compare' ? (
          <ComparePage query={query} />
        ) : (
          <>
            {!run && <h1>Search in this page</h1>}
            <div class="grid">
              <StartCard key={run ? 'again' : 'first'} known={run?.wanted} />
              {run && <RunCard key={run.study} study={run.study} />}
            </div>
            {run && <StudyPage key={`study ${run.study}`} study={run.study} page={page} item={item} query={query} />}
          </>
        )}
      </main>
    </>
  )
}

const root = document.getElementById('app')
if (root) render(<App />, root)
