/** The name of the program, which leads to the first page. */
export const Brand = () => (
  <a class="brand" href="/">
    <Mark />
    archloom
  </a>
)

const Mark = () => (
  <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <g stroke="currentColor" stroke-width="2.6" fill="none" stroke-linecap="round">
      <path d="M7 25 16 7l9 18M11.5 17.5h9" />
    </g>
    <g fill="currentColor">
      <circle cx="7" cy="25" r="3.2" />
      <circle cx="16" cy="7" r="3.2" />
      <circle cx="25" cy="25" r="3.2" />
    </g>
  </svg>
)
