import { join } from 'node:path'
import { replaceFileSync } from '../../node/files.ts'
import { optionalPackage } from '../../node/optional-package.ts'

/** The two files of an image. */
export interface PictureFiles {
  readonly svg: string
  readonly png: string
}

/** Writes `<name>.svg` and, at twice the size, `<name>.png`. */
export async function writePicture(folder: string, name: string, svg: string): Promise<PictureFiles> {
  const { default: sharp } = await optionalPackage('sharp', 'Writing PNG images', () => import('sharp'))
  const files = { svg: join(folder, `${name}.svg`), png: join(folder, `${name}.png`) }
  replaceFileSync(files.svg, svg)
  replaceFileSync(
    files.png,
    await sharp(Buffer.from(svg), { density: 144 }).flatten({ background: '#ffffff' }).png().toBuffer(),
  )
  return files
}

/** SVG of a graph in the DOT language. */
export async function svgOfDot(dot: string): Promise<string> {
  const { instance } = await optionalPackage('@viz-js/viz', 'Drawing architectures', () => import('@viz-js/viz'))
  const viz = await instance()
  return viz.renderString(dot, { format: 'svg' })
}
