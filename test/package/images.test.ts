import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

it('every image of a page in the package is in the package', () => {
  // Lists the files without building them.
  const listed = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
  })
  const files = new Set([...listed.matchAll(/"path": "([^"]+)"/g)].map(([, path]) => path!))
  const pages = [...files].filter((file) => file.endsWith('.md'))
  const images = pages.flatMap((page) =>
    [...readFileSync(resolve(root, page), 'utf8').matchAll(/!\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, image]) => ({
      page,
      image: image!,
    })),
  )
  expect(images.length).toBeGreaterThan(5)
  const dead = images.filter(
    ({ page, image }) => !/^https:/.test(image) && !files.has(posix.join(posix.dirname(page), image)),
  )
  expect(dead).toEqual([])
})
