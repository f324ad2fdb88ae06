import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'

/** Written by build.mjs: the pages by section. */
const sections = JSON.parse(readFileSync(new URL('../pages/sections.json', import.meta.url), 'utf8'))

export default defineConfig({
  title: 'archloom',
  description: 'Neural architecture search and AutoML for TypeScript',
  srcDir: 'pages',
  outDir: 'dist',
  cleanUrls: false,
  rewrites: { 'README.md': 'index.md', ':room/:name/README.md': ':room/:name/index.md' },
  // Comments are removed by build.mjs, and no page holds HTML: <study> in a sentence is text.
  markdown: { html: false },
  themeConfig: {
    nav: [
      { text: 'Guides', link: '/docs/tutorial' },
      { text: 'API', link: '/api/index.html', target: '_self' },
    ],
    sidebar: sections,
    search: { provider: 'local' },
    outline: [2, 3],
  },
})
