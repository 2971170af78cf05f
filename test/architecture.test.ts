// The shape of the repository, held as data: who may import whom, how large a file may be, what must be registered, which words must
// not appear. Whoever changes the table changes the architecture: docs/architecture.md must say the same.
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { code, findCycles, generated, importPaths, sourceFiles, text, walk } from './helpers/source.js'

const maxLines = 400

/** Lowest first. An entry is a folder or a file; a file belongs to the longest one that fits. It may import its own entry's files and lower ones. */
const layers: readonly string[] = [
  'models/base',
  'models/config',
  'models/cost',
  'models/nn',
  'models/sparsity',
  'models/mapping',
  'models/values',
  'models/analytic',
  'models/embedded',
  'traces/record',
  'traces/store',
  'traces/inputs',
  'traces/results',
  'traces/report',
  'sim/kernel',
  'sim/pipeline',
  'sim/stages',
  'sim/engines',
  'sim/chip/spec.ts',
  'sim/options.ts',
  'sim/chip',
  'sim/threads',
  'sim',
  'sim/cli',
  'bench',
  'test',
]

/** Folders of extensions: every file that the pattern marks as one must be imported by the registry. */
const registries: readonly { folder: string; registry: string; extension: RegExp }[] = [
  {
    folder: 'models/mapping/remappers',
    registry: 'models/mapping/remappers/index.ts',
    extension: /^export const \w+: Remapper\b/m,
  },
  { folder: 'models/cost/adc', registry: 'models/cost/adc/index.ts', extension: /^export const \w+: AdcModel\b/m },
  {
    folder: 'models/cost/prices',
    registry: 'models/cost/prices/index.ts',
    extension: /^export const \w+: PriceTable\b/m,
  },
  {
    folder: 'models/sparsity/kinds',
    registry: 'models/sparsity/kinds/index.ts',
    extension: /^export const \w+: PatternKind\b/m,
  },
  {
    folder: 'models/sparsity/criteria',
    registry: 'models/sparsity/criteria/index.ts',
    extension: /^export const \w+: Criterion\b/m,
  },
  { folder: 'sim/stages', registry: 'sim/stages/index.ts', extension: /^ {2}build(: )?\(ctx: MacroContext\)/m },
  { folder: 'traces/store', registry: 'traces/store/trace-file.ts', extension: /^export const \w+: TraceFormat\b/m },
  {
    folder: 'sim/chip/items',
    registry: 'sim/chip/items/index.ts',
    extension: /^export const \w+: Engine\b/m,
  },
  { folder: 'sim/cli', registry: 'sim/cli/index.ts', extension: /^export const \w+: CliCommand\b/m },
]

const files = sourceFiles()
const imports = new Map(files.map((file) => [file, importPaths(text(file), file)]))
const edges = [...imports].flatMap(([from, targets]) => targets.map((to) => ({ from, to })))

describe('architecture', () => {
  it('sees the source tree', () => {
    for (const layer of ['models/base', 'sim/kernel', 'test']) expect(files.map(layerOf)).toContain(layer)
    expect(imports.get('sim/kernel/wheel.ts')).toContain('sim/kernel/heap.ts')
  })

  it('every file has a layer', () => {
    expect(files.filter((file) => layerOf(file) === undefined)).toEqual([])
  })

  it('imports only go down, types included', () => {
    expect(edges.filter(({ from, to }) => rank(to) > rank(from)).map(arrow)).toEqual([])
  })

  it('imports resolve to files of the repository', () => {
    const known = new Set([...files, ...generated])
    expect(edges.filter(({ to }) => !known.has(to)).map(arrow)).toEqual([])
  })

  it('has no import cycle', () => {
    expect(findCycles(imports)).toEqual([])
  })

  it(`has no file over ${maxLines} lines`, () => {
    expect(files.filter((file) => text(file).trimEnd().split('\n').length > maxLines)).toEqual([])
  })

  it('has no any', () => {
    expect(matches(/(?<![.\w'])any(?![\w(:])/, files)).toEqual([])
  })

  it('prints and exits only in the command line', () => {
    const library = files.filter((file) => /^(models|traces|sim)\//.test(file) && layerOf(file) !== 'sim/cli')
    expect(matches(/\bconsole\b|\bprocess\.(stdout|stderr|exit\b|exitCode)/, library)).toEqual([])
  })

  it.each(registries)('$folder: every extension is registered', ({ folder, registry, extension }) => {
    const found = files.filter((file) => dirname(file) === folder && file !== registry && extension.test(text(file)))
    expect(found).not.toEqual([])
    expect(found.filter((file) => !imports.get(registry)?.includes(file))).toEqual([])
  })

  it('still has every line that a seeded fault changes, exactly once', async () => {
    const list = new URL('../tools/fault-list.mjs', import.meta.url).href
    const { faults } = (await import(list)) as { faults: { name: string; file: string; find: string; tests: string }[] }
    expect(faults.filter(({ file, find }) => text(file).split(find).length !== 2).map(({ name }) => name)).toEqual([])
    const known = walk('test')
    const missing = ({ tests }: { tests: string }) =>
      !known.some((file) => file === tests || file.startsWith(`${tests}/`))
    expect(faults.filter(missing)).toEqual([])
  })

  it('speaks of no place but itself', () => {
    // In pieces, so that this file does not contain them.
    const words = [
      ['/wo', 'rk/'],
      ['/ro', 'ot/'],
      ['/ho', 'me/'],
      ['/tmp/', 'bash'],
      ['shared/', 'design'],
      ['shared/', 'seeds'],
    ].map((pieces) => pieces.join(''))
    const registryUrl = /https?:\/\/[^\s"')]*(registry\.|artifactory|verdaccio|nexus)/i
    const texts = walk('.').filter((file) => !/\.(onnx|npz|npy|parquet|png|tgz)$/.test(file))
    expect(texts).toContain('package-lock.json')
    const found = texts.flatMap((file) => {
      const content = text(file)
      const hits = words.filter((word) => content.includes(word))
      if (registryUrl.test(content)) hits.push('registry host')
      return hits.map((hit) => `${file}: ${hit}`)
    })
    expect(found).toEqual([])
  })
})

describe('the tools of this test', () => {
  it('strip comments, strings and regular expressions, and nothing else', () => {
    const source = "const a = 'any' // any\n/* any */ const re = /'any/; const b: any = `any` + x / 2 // '"
    const kept = "const a = '' const re = ''; const b: any = '' + x / 2"
    expect(code(source).replace(/\s+/g, ' ').trim()).toBe(kept)
  })

  it('find every form of import', () => {
    const source = [
      "import a from './a.js'",
      "import type { B } from '../b.js'",
      "export * from './c.js'",
      "import './d.js'",
      ['await imp', "ort('./e.js')"].join(''),
      'import {\n  f,\n  g,\n} from "./f.js"',
      "import path from 'node:path'",
    ].join('\n')
    const found = ['sim/x/a.ts', 'sim/b.ts', 'sim/x/c.ts', 'sim/x/d.ts', 'sim/x/e.ts', 'sim/x/f.ts']
    expect(importPaths(source, 'sim/x/y.ts')).toEqual(found)
  })

  it('find cycles', () => {
    const graph = { a: ['b'], b: ['c', 'd'], c: [], d: ['a'] }
    expect(findCycles(new Map(Object.entries(graph)))).toEqual(['a > b > d > a'])
  })
})

function layerOf(file: string): string | undefined {
  return layers.filter((layer) => `${file}/`.startsWith(`${layer}/`)).sort((a, b) => b.length - a.length)[0]
}

function rank(file: string): number {
  return layers.indexOf(layerOf(file) ?? 'test')
}

function arrow({ from, to }: { from: string; to: string }): string {
  return `${from} -> ${to}`
}

/** `file:line: text` of the lines of code that match; comments and strings do not count. */
function matches(pattern: RegExp, among: readonly string[]): string[] {
  return among.flatMap((file) =>
    code(text(file))
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  )
}
