declare module 'asciichart' {
  /** The part of the library that is used here. */
  export function plot(
    series: readonly number[],
    options?: { readonly height?: number; readonly format?: (value: number) => string },
  ): string
}
