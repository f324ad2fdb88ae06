export interface LegendItem {
  readonly mark: 'dot' | 'ring' | 'line' | 'dashed' | 'band'
  /** Name of a colour of the style sheet. */
  readonly color: string
  readonly text: string
}

export const Legend = ({ items }: { readonly items: readonly LegendItem[] }) => (
  <ul class="legend">
    {items.map(({ mark, color, text }) => (
      <li key={text}>
        <svg width="18" height="10" aria-hidden="true" class={`ink-${color}`}>
          {mark === 'dot' && <circle cx="9" cy="5" r="3.5" fill="currentColor" />}
          {mark === 'ring' && <circle cx="9" cy="5" r="3" fill="none" stroke="currentColor" stroke-width="1.4" />}
          {mark === 'line' && <path d="M1 5h16" stroke="currentColor" stroke-width="2.2" />}
          {mark === 'dashed' && <path d="M1 5h16" stroke="currentColor" stroke-width="1.4" stroke-dasharray="4 3" />}
          {mark === 'band' && <path d="M1 5h16" stroke="currentColor" stroke-width="9" opacity="0.3" />}
        </svg>
        {text}
      </li>
    ))}
  </ul>
)
