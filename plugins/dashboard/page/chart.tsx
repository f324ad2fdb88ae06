import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'

export interface Colors {
  readonly ink: string
  readonly muted: string
  readonly grid: string
  readonly card: string
  readonly point: string
  readonly faint: string
  readonly best: string
  readonly failed: string
  readonly series: readonly string[]
}

function colorsNow(): Colors {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {
    ink: color('ink'),
    muted: color('muted'),
    grid: color('grid'),
    card: color('card'),
    point: color('point'),
    faint: color('faint'),
    best: color('best'),
    failed: color('failed'),
    series: [1, 2, 3, 4, 5, 6].map((i) => color(`series-${i}`)),
  }
}

/** The colours of the scheme that the reader prefers, anew when that changes. */
export function useColors(): Colors {
  const [colors, setColors] = useState(colorsNow)
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const update = () => setColors(colorsNow())
    dark.addEventListener('change', update)
    return () => dark.removeEventListener('change', update)
  }, [])
  return colors
}

export type ChartOptions = Omit<uPlot.Options, 'width' | 'height'>

export interface ChartProps {
  /** Called again when `form` changes. */
  readonly options: (colors: Colors) => ChartOptions
  /** What the options depend on, as text. */
  readonly form: string
  readonly data: uPlot.AlignedData
  readonly height?: number
  /** What the chart shows, for those who do not see it. */
  readonly label: string
  /** Lines of text for the point at an index of the data. */
  readonly hint?: (index: number) => readonly string[]
  readonly onPick?: (index: number) => void
}

/** A chart that fills the width of its place, with a hint beside the pointer. Dragging zooms, a double click shows all. */
export function Chart({ options, form, data, height = 260, label, hint, onPick }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const latest = useRef({ hint, onPick, data })
  latest.current = { hint, onPick, data }
  const colors = useColors()

  useEffect(() => {
    const element = place.current
    if (!element) return
    const given = options(colors)
    const made = new uPlot(
      {
        legend: { show: false },
        ...given,
        width: Math.max(200, element.clientWidth),
        height,
        plugins: [...(given.plugins ?? []), hintPlugin(latest)],
      },
      latest.current.data,
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => {
      const width = Math.max(200, element.clientWidth)
      if (width !== made.width) made.setSize({ width, height })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [form, colors, height])

  useEffect(() => {
    const made = plot.current
    if (!made || made.data === data) return
    const { min, max } = made.scales.x ?? {}
    const xs = made.data[0]
    const isZoomed = min !== undefined && max !== undefined && xs.length > 0 && (min > xs[0]! || max < xs.at(-1)!)
    made.setData(data, !isZoomed)
    if (isZoomed) made.redraw()
  }, [data])

  return <div class={onPick ? 'chart pickable' : 'chart'} role="img" aria-label={label} ref={place} />
}

interface Latest {
  readonly current: { readonly [K in 'hint' | 'onPick']: ChartProps[K] | undefined }
}

/** Text beside the nearest point; a click picks it. */
function hintPlugin(latest: Latest): uPlot.Plugin {
  const box = document.createElement('div')
  box.className = 'hint'
  box.hidden = true
  let nearest: number | undefined
  return {
    hooks: {
      ready(u) {
        u.over.append(box)
        let downAt = 0
        u.over.addEventListener('mousedown', (event) => {
          downAt = event.clientX
        })
        u.over.addEventListener('mouseleave', () => {
          box.hidden = true
          nearest = undefined
        })
        u.over.addEventListener('click', (event) => {
          if (nearest !== undefined && Math.abs(event.clientX - downAt) < 4) latest.current.onPick?.(nearest)
        })
      },
      setCursor(u) {
        const { left = -1, top = -1 } = u.cursor
        nearest = left < 0 ? undefined : nearestPoint(u, left, top)
        const lines = nearest === undefined ? [] : (latest.current.hint?.(nearest) ?? [])
        box.hidden = lines.length === 0
        if (lines.length === 0) return
        box.replaceChildren(
          ...lines.map((text) => {
            const line = document.createElement('div')
            line.textContent = text
            return line
          }),
        )
        const width = box.offsetWidth
        const x = left + 14 + width > u.over.clientWidth ? left - width - 14 : left + 14
        box.style.transform = `translate(${Math.max(0, x)}px, ${Math.max(0, top - 10)}px)`
      },
    },
  }
}

/** How far the pointer may be from a point, in pixels. */
const REACH = 30

/** The index of the drawn point that is nearest to the pointer, in pixels. */
function nearestPoint(u: uPlot, left: number, top: number): number | undefined {
  const [xs] = u.data
  const from = lowerBound(xs, u.posToVal(left - REACH, 'x'))
  const to = lowerBound(xs, u.posToVal(left + REACH, 'x'))
  let found: number | undefined
  let shortest = REACH * REACH
  for (let i = from; i < Math.min(xs.length, to + 1); i++) {
    const dx = u.valToPos(xs[i]!, 'x') - left
    for (let s = 1; s < u.data.length; s++) {
      const value = u.data[s]![i]
      if (value === null || value === undefined || u.series[s]?.show === false) continue
      const dy = u.valToPos(value, u.series[s]?.scale ?? 'y') - top
      const distance = dx * dx + dy * dy
      if (distance >= shortest) continue
      shortest = distance
      found = i
    }
  }
  return found
}

function lowerBound(values: ArrayLike<number>, wanted: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}
