// Pages that must keep up with the program: README.md, docs, CITATION.cff.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../models/base/paths.js'
import { commands } from '../../sim/cli/index.js'

const root = packageRoot()
const text = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))

describe('documents', () => {
  it('README.md names every page of docs', () => {
    expect(pages.filter((name) => !text('README.md').includes(`(docs/${name})`))).toEqual([])
  })

  it.each(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...pages.map((name) => `docs/${name}`)])(
    'the links of %s lead to files',
    (page) => {
      const links = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!.split('#')[0]!)
      const local = links.filter((link) => link !== '' && !/^[a-z]+:/.test(link))
      expect(local.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([])
    },
  )

  it('docs/cli.md has every command', () => {
    const page = text('docs/cli.md')
    expect(commands.filter(({ name }) => !new RegExp(`^\\| .*\`${name}[ \`]`, 'm').test(page))).toEqual([])
  })

  it('CITATION.cff names the systems that README.md names', () => {
    const { references, version } = parse(text('CITATION.cff')) as {
      references: { title: string; authors: object[]; year: number }[]
      version: string
    }
    expect(version).toBe((JSON.parse(text('package.json')) as { version: string }).version)
    expect(references.length).toBe(4)
    for (const { title, authors, year } of references) {
      expect(text('README.md')).toContain(`*${title}*`)
      expect(authors.length).toBeGreaterThan(0)
      expect(year).toBeGreaterThan(2000)
    }
  })
})
