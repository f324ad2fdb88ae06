import type { ComponentChildren } from 'preact'

/** A part of a page with a heading. */
export const Card = ({
  title,
  children,
  wide = false,
  aside,
}: {
  readonly title: string
  readonly children: ComponentChildren
  readonly wide?: boolean
  readonly aside?: ComponentChildren
}) => (
  <section class={wide ? 'card wide' : 'card'}>
    <header>
      <h2>{title}</h2>
      {aside}
    </header>
    {children}
  </section>
)

export const Badge = ({ status }: { readonly status: string }) => (
  <span class={`badge badge-${/^[a-z]+$/.test(status) ? status : 'problem'}`}>{status}</span>
)

export const Empty = ({ children }: { readonly children: ComponentChildren }) => <p class="empty">{children}</p>

export const Problem = ({ text }: { readonly text: string }) => (
  <div class="problem" role="alert">
    {text}
  </div>
)

export const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div class="fact">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

/** A choice among few values, with its label before it. */
export const Select = ({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string
  readonly value: string
  readonly options: readonly (string | readonly [value: string, text: string])[]
  readonly onChange: (value: string) => void
}) => (
  <label class="field">
    <span>{label}</span>
    <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {options.map((option) => {
        const [key, text] = typeof option === 'string' ? [option, option] : option
        return (
          <option key={key} value={key}>
            {text}
          </option>
        )
      })}
    </select>
  </label>
)

/** A place that scrolls where its content is too large for it; the keyboard reaches it. */
export const Scroller = ({
  label,
  class: name = '',
  children,
}: {
  readonly label: string
  readonly class?: string
  readonly children: ComponentChildren
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable, or the keyboard cannot scroll it.
  <section class={`scroller ${name}`} aria-label={label} tabIndex={0}>
    {children}
  </section>
)

/** Text as it stands: code, a stack. */
export const Source = ({ children }: { readonly children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable, or the keyboard cannot scroll it.
  <pre tabIndex={0}>{children}</pre>
)
