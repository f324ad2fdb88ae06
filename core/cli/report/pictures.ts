import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A picture in both its files. */
export interface PictureFiles {
  readonly svg: string
  readonly png: string
}

/** Writes `<name>.svg` and, at twice the size, `<name>.png`. */
export async function writePicture(folder: string, name: string, svg: string): Promise<PictureFiles> {
  const { default: sharp } = await import('sharp')
  const files = { svg: join(folder, `${name}.svg`), png: join(folder, `${name}.png`) }
  writeFileSync(files.svg, svg)
  await sharp(Buffer.from(svg), { density: 144 }).flatten({ background: '#ffffff' }).png().toFile(files.png)
  return files
}

/** SVG of a graph in the DOT language. */
export async function svgOfDot(dot: string): Promise<string> {
  const { instance } = await import('@viz-js/viz')
  const viz = await instance()
  return viz.renderString(dot, { format: 'svg' })
}
