import { useEffect } from 'preact/hooks'
import { ComparePage } from './compare.tsx'
import { Brand } from './mark.tsx'
import { Empty } from './parts.tsx'
import { useRoute } from './route.ts'
import { StudiesPage } from './studies.tsx'
import { StudyPage } from './study.tsx'

const sections = [
  { path: '/', name: 'Studies', is: (first: string | undefined) => first === undefined || first === 'studies' },
  { path: '/compare', name: 'Compare', is: (first: string | undefined) => first === 'compare' },
]

export function App() {
  const { parts, query } = useRoute()
  const [first, study, page = '', item] = parts
  const title = [item && `trial ${item}`, study ?? (first === 'compare' ? 'Compare' : 'Studies'), 'archloom']
  useEffect(() => {
    document.title = title.filter(Boolean).join(' · ')
  })
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Brand />
        <nav aria-label="Sections">
          {sections.map(({ path, name, is }) => (
            <a key={path} href={path} aria-current={is(first) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {first === undefined && <StudiesPage />}
        {first === 'compare' && <ComparePage query={query} />}
        {first === 'studies' && study !== undefined && (
          <StudyPage key={study} study={study} page={page} item={item} query={query} />
        )}
        {first !== undefined && first !== 'compare' && !(first === 'studies' && study !== undefined) && (
          <Empty>
            There is no such page. <a href="/">Show the studies</a>
          </Empty>
        )}
      </main>
    </>
  )
}
