import type { DeclaredPanel, ImageLine, MethodMetrics, MetricPanel } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import type { Mark } from './axes.ts'
import { countText, metricLabel, timeText } from './format.ts'
import { Legend } from './legend.tsx'
import { LineChart } from './line-chart.tsx'
import { Card, Empty, Problem, Scroller } from './parts.tsx'
import { studyPath } from './route.ts'
import type { Known } from './study.tsx'

const titles = { weights: 'Shared weights', policy: 'Policy', controller: 'Controller', plugin: 'Plugin' }

const titleOf = ({ of, title }: MetricPanel) => title ?? titles[of]

/** What is drawn across, in words. */
const across = { step: 'step', trials: 'trials that the controller was told of', event: 'event' }

/** The metrics that a method reported, by step, and its stages. */
export function MethodPage({ study, seq }: Known) {
  const { data, problem } = useAnswer<MethodMetrics>(`/api${studyPath(study, 'method')}`, seq)
  if (problem) return <Problem text={problem} />
  if (!data) return <div class="placeholder" />
  const { declared, panels, images, stages, isCut } = data
  const isEmpty = [declared, panels, images, stages].every(({ length }) => length === 0)
  const marksOf = ({ of }: Pick<MetricPanel, 'of'>): readonly Mark[] =>
    of === 'weights' || of === 'policy' ? stages.map((each) => ({ x: each[of], text: each.stage })) : []
  return (
    <div class="grid">
      {isEmpty && (
        <Card title="Method" wide>
          <Empty>The method of this study reported no metrics beside those of its trials.</Empty>
        </Card>
      )}
      {isCut && (
        <p class="muted">There are more metrics or stages than are shown here; the journal holds all of them.</p>
      )}
      {declared.map((panel) => (
        <Card key={panel.title} title={panel.title} wide>
          {panel.about && <p class="small muted">{panel.about}</p>}
          {panel.kind === 'images' ? (
            <Images study={study} title={panel.title} images={panel.images} />
          ) : (
            <DeclaredChart panel={panel} marks={panel.kind === 'lines' ? marksOf(panel) : []} />
          )}
        </Card>
      ))}
      {images.map(({ title, images: shown }) => (
        <Card key={`images ${title}`} title={title} wide>
          <Images study={study} title={title} images={shown} />
        </Card>
      ))}
      {panels.map((panel) => (
        <Card key={titleOf(panel)} title={titleOf(panel)} wide>
          {panel.each > 1 && <p class="small muted">Each point is the mean of {countText(panel.each)} reports.</p>}
          <div class="small-charts">
            {Object.entries(panel.metrics).map(([name, values]) => (
              <LineChart
                key={name}
                x={panel.x}
                lines={[values]}
                names={[name]}
                xLabel={across[panel.by]}
                yLabel={metricLabel(name)}
                isWhole
                marks={marksOf(panel)}
                label={`${name} of ${panel.of === 'plugin' ? titleOf(panel) : `the ${titles[panel.of].toLowerCase()}`} by ${panel.by}`}
              />
            ))}
          </div>
        </Card>
      ))}
      {stages.length > 0 && <Stages stages={stages} />}
    </div>
  )
}

type DeclaredChartProps = {
  readonly panel: Exclude<DeclaredPanel, { kind: 'images' }>
  readonly marks: readonly Mark[]
}

/** The curves of a declared panel in one chart, or its bars. */
function DeclaredChart({ panel, marks }: DeclaredChartProps) {
  if (panel.kind === 'bars') {
    const names = panel.names.join(', ')
    return (
      <LineChart
        kind="bars"
        x={panel.values.map((_, i) => i)}
        lines={[panel.values]}
        names={['value']}
        xLabel={names.length < 80 ? names : 'entry'}
        yLabel={panel.title}
        isWhole
        label={`${panel.title}: ${panel.names.map((name, i) => `${name} ${panel.values[i]}`).join(', ')}`}
      />
    )
  }
  const names = Object.keys(panel.metrics)
  return (
    <>
      {panel.each > 1 && <p class="small muted">Each point is the mean of {countText(panel.each)} reports.</p>}
      {names.length > 1 && (
        <Legend items={names.map((text, i) => ({ mark: 'line', color: `series-${(i % 6) + 1}`, text }))} />
      )}
      <LineChart
        x={panel.x}
        lines={Object.values(panel.metrics)}
        names={names}
        xLabel={across[panel.by]}
        yLabel={names.length === 1 ? metricLabel(names[0]!) : panel.title}
        isWhole
        height={240}
        marks={marks}
        label={`${panel.title}: ${names.join(', ')} by ${panel.by}`}
      />
    </>
  )
}

/** Images that are shown at first. */
const IMAGES = 12

type ImagesProps = { readonly study: string; readonly title: string; readonly images: readonly ImageLine[] }

/** The latest images first, each with what its event says beside it. */
const Images = ({ study, title, images }: ImagesProps) => (
  <>
    <Gallery study={study} title={title} images={images.slice(0, IMAGES)} />
    {images.length > IMAGES && (
      <details>
        <summary>{countText(images.length - IMAGES)} earlier images</summary>
        <Gallery study={study} title={title} images={images.slice(IMAGES)} />
      </details>
    )}
  </>
)

const Gallery = ({ study, title, images }: ImagesProps) => (
  <div class="gallery">
    {images.map(({ id, at, caption }) => {
      const address = `/api${studyPath(study, 'images', String(id))}`
      return (
        <figure key={id}>
          <a href={address} target="_blank" rel="noreferrer">
            <img src={address} alt={`${title}: ${caption || timeText(at)}`} loading="lazy" />
          </a>
          <figcaption class="small muted">{caption || timeText(at)}</figcaption>
        </figure>
      )
    })}
  </div>
)

const Stages = ({ stages }: Pick<MethodMetrics, 'stages'>) => (
  <Card title="Stages" wide>
    <p class="small muted">The stages began after these numbers of steps.</p>
    <Scroller label="Stages">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col" class="number">
              Number
            </th>
            <th scope="col">Stage</th>
            <th scope="col">Began at</th>
            <th scope="col" class="number">
              Weight steps
            </th>
            <th scope="col" class="number">
              Policy steps
            </th>
            <th scope="col">Facts</th>
          </tr>
        </thead>
        <tbody>
          {stages.map(({ index, stage, at, weights, policy, facts }) => (
            <tr key={index}>
              <td class="number">{index}</td>
              <th scope="row">{stage}</th>
              <td>{timeText(at)}</td>
              <td class="number">{countText(weights)}</td>
              <td class="number">{countText(policy)}</td>
              <td>{facts}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  </Card>
)
