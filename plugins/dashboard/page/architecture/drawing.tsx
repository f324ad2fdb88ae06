import type { Json } from '../../../../core/space/decision.ts'
import { numberText } from '../format.ts'
import { Scroller } from '../parts.tsx'
import { placed, widthOf } from './graph-layout.ts'
import { type Drawing, drawingsOf } from './graph-of.ts'

/** What can be drawn of an architecture, one figure per part. */
export function ArchitectureDrawings({ architecture }: { readonly architecture: Json }) {
  const drawings = drawingsOf(architecture)
  if (drawings.length === 0) return null
  return (
    <div class="drawings">
      {drawings.map((drawing) => (
        <figure key={drawing.title} class="drawing">
          {drawing.title !== 'architecture' && <figcaption>{drawing.title}</figcaption>}
          <Scroller label={`Drawing of ${drawing.title}`}>
            {drawing.kind === 'graph' ? <GraphDrawing drawing={drawing} /> : <Bars drawing={drawing} />}
          </Scroller>
        </figure>
      ))}
    </div>
  )
}

function GraphDrawing({ drawing }: { readonly drawing: Extract<Drawing, { kind: 'graph' }> }) {
  const { width, height, nodes, edges } = placed(drawing)
  const marker = `arrow-${drawing.title.replaceAll(/\W/g, '-')}`
  return (
    <svg
      class="graph"
      role="img"
      aria-label={`${drawing.title}: ${nodes.length} nodes, ${edges.length} edges`}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
    >
      <defs>
        <marker id={marker} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0.5 7.5 4 0 7.5z" class="arrow" />
        </marker>
      </defs>
      {edges.map((edge, i) => (
        <path
          key={i}
          class={edge.isNone ? 'edge none' : 'edge'}
          d={curveOf(edge.points)}
          marker-end={`url(#${marker})`}
        />
      ))}
      {edges.map(({ label, labelAt, isNone }, i) =>
        labelAt ? (
          <g key={i} class={isNone ? 'edge-label none' : 'edge-label'}>
            <rect
              x={labelAt.x - widthOf(label) / 2 - 3}
              y={labelAt.y - 8}
              width={widthOf(label) + 6}
              height={16}
              rx="4"
            />
            <text x={labelAt.x} y={labelAt.y + 4}>
              {label}
            </text>
          </g>
        ) : null,
      )}
      {nodes.map((node) => (
        <g key={node.id} class={`node node-${node.kind}`}>
          <rect
            x={node.x - node.width / 2}
            y={node.y - node.height / 2}
            width={node.width}
            height={node.height}
            rx="6"
          />
          {node.label.split('\n').map((line, i, lines) => (
            <text key={i} x={node.x} y={node.y + 4 + (i - (lines.length - 1) / 2) * 16}>
              {line}
            </text>
          ))}
        </g>
      ))}
    </svg>
  )
}

/** A smooth line through points. */
function curveOf(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points
  if (!first) return ''
  const at = ({ x, y }: { readonly x: number; readonly y: number }) => `${x.toFixed(1)} ${y.toFixed(1)}`
  let path = `M${at(first)}`
  rest.forEach((point, i) => {
    const next = rest[i + 1]
    if (!next) path += `L${at(point)}`
    else path += `Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`
  })
  return path
}

const [BAR, TALL] = [30, 110]

/** Numbers by layer. */
function Bars({ drawing: { title, values } }: { readonly drawing: Extract<Drawing, { kind: 'bars' }> }) {
  const most = Math.max(...values.map(Math.abs), Number.MIN_VALUE)
  const width = values.length * BAR + 10
  return (
    <svg
      class="graph"
      role="img"
      aria-label={`${title} by layer: ${values.join(', ')}`}
      width={width}
      height={TALL + 44}
      viewBox={`0 0 ${width} ${TALL + 44}`}
    >
      {values.map((value, i) => {
        const size = (TALL * Math.abs(value)) / most
        return (
          <g key={i} class="bar">
            <rect x={8 + i * BAR} y={18 + TALL - size} width={BAR - 6} height={size} />
            <text x={5 + (i + 0.5) * BAR} y={13 + TALL - size}>
              {numberText(value)}
            </text>
            <text x={5 + (i + 0.5) * BAR} y={TALL + 36}>
              {i}
            </text>
          </g>
        )
      })}
    </svg>
  )
}
