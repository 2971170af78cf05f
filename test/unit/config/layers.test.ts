// Where values come from: presets that say it behind every field, files over files, --set last, and what that does to sources and complaints.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { byPlace, fieldAt, metaOf } from '../../../models/config/check.js'
import { presetFolder, presetNames } from '../../../models/config/layered.js'
import { resolveMachine } from '../../../sim/chip/resolve.js'
import { machineSchema } from '../../../sim/chip/spec.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
function file(text: string): string {
  const path = join(folder, `m${files++}.yaml`)
  writeFileSync(path, text)
  return path
}

function message(path: string, sets: readonly string[] = []): string {
  try {
    resolveMachine(path, sets)
    return ''
  } catch (cause) {
    return (cause as Error).message
  }
}

describe('presets', () => {
  it.each(presetNames())('%s says behind every value where it comes from, what it means, and its unit', (name) => {
    const { machine } = resolveMachine(name, [])
    const lines = readFileSync(join(presetFolder(), `${name}.yaml`), 'utf8').split(/\r?\n/)
    const path: string[] = []
    let seen = 0
    for (const line of lines.slice(
      lines.findIndex((each) => each.startsWith('ou:')),
      lines.indexOf('sources:'),
    )) {
      const match = /^( *)([\w-]+):( +[^#]*[^# ])?(?: +# (.*))?$/.exec(line)
      if (match === null) continue
      path.length = match[1]!.length / 2
      path.push(match[2]!)
      if (match[3] === undefined) continue
      seen++
      const { description, unit } = metaOf(fieldAt(machineSchema, path)!)
      const key = /^(\[[^\]]+\]|assumed)/.exec(machine.sources[path.join('.')] ?? '')![1]
      expect(match[4]).toBe(`${key}; ${description}${unit === '' ? '' : ` (${unit})`}`)
    }
    expect(seen).toBe(Object.keys(machine.sources).length)
  })
})

describe('layers', () => {
  const base = file('extends: wu2024\nname: base\nadcs: 8\nou: { rows: 8 }\nsources: { adcs: "assumed: half" }\n')
  const top = file(`extends: ${base}\nou:\n  rows: 4\nadc: { bits: 5 }\n`)

  it('tell the origin of every value', () => {
    const { machine, origin } = resolveMachine(top, ['clock.periodNs=5', 'ou.cols=4'])
    expect(machine).toMatchObject({ name: 'base', adcs: 8, ou: { rows: 4, cols: 4 }, clock: { periodNs: 5 } })
    expect(origin(['name'])).toBe(`${base}:2:7`)
    expect(origin(['adcs'])).toBe(`${base}:3:7`)
    expect(origin(['ou', 'rows'])).toBe(`${top}:3:9`)
    expect(origin(['ou', 'cols'])).toBe('--set ou.cols=4')
    expect(origin(['clock', 'periodNs'])).toBe('--set clock.periodNs=5')
    expect(origin(['array', 'rows'])).toMatch(/wu2024\.yaml:\d+:\d+$/)
    expect(origin(['adc', 'lsb'])).toBe('default')
  })

  it('a changed value loses the source of the old one; a new source and an equal value stay', () => {
    const { sources } = resolveMachine(top, ['ou.cols=4', 'block=4']).machine
    expect(sources).toMatchObject({ adcs: 'assumed: half', 'array.rows': expect.stringContaining('[Wu24]') })
    expect(sources['adc.bits']).toContain('[Wu24]')
    expect(sources['block']).toContain('[Wu24]')
    expect(Object.keys(sources)).not.toContain('ou.rows')
    expect(Object.keys(sources)).not.toContain('ou.cols')
  })

  it('a source for a field that does not exist is refused', () => {
    expect(message(file('extends: wu2024\nsources: { ou.rowz: "[Wu24]" }\n'))).toMatch(
      /:2:21 sources\.ou\.rowz: there is no such field/,
    )
  })

  it.each(readdirSync(join(packageRoot(), 'examples', 'machines')))('the example %s is a machine', (name) => {
    const { machine } = resolveMachine(join(packageRoot(), 'examples', 'machines', name), [])
    expect(machine.name).toBe(name.replace('.yaml', ''))
    expect(machine.ou).toEqual({ rows: 8, cols: 8 })
  })
})

describe('complaints', () => {
  it('come in the order of their places, --set behind', () => {
    const text = 'adc: { bits: 99 }\nblok: 4\nextends: wu2024\nadcs: 0\nou: { cols: no, rows: 0 }\n'
    const places = message(file(text), ['array.rows=0'])
      .split('\n')
      .map((line) => /(\d+:\d+|--set)/.exec(line)![1])
    expect(places).toEqual(['1:14', '2:1', '4:7', '5:13', '5:23', '--set'])
  })

  it('numbers count as numbers, files stay together', () => {
    const lines = ['a.yaml:10:2 x', 'b.yaml:1:1 x', '--set q', 'a.yaml:9:12 x', 'a.yaml:9:3 x', 'C:\\m.yaml:2:1 x']
    expect(byPlace(lines)).toEqual([lines[4], lines[3], lines[0], lines[1], lines[5], lines[2]])
  })

  it('also of rules across fields', () => {
    const places = message(file('extends: wu2024\ntile: { rows: 24 }\nblock: 3\n'))
      .split('\n')
      .map((line) => /\d+:\d+ \S+/.exec(line)![0])
    expect(places[0]).toBe('2:15 tile.rows:')
    expect(places[1]).toBe('3:8 block:')
  })
})

describe('files from Windows', () => {
  const text = 'extends: wu2024\r\nname: crlf\r\ndescription: >-\r\n  two\r\n  lines\r\nou:\r\n  rows: 8\r\nadcs: 0\r\n'

  it('line ends and byte-order marks change neither values nor positions', () => {
    const good = text.replace('adcs: 0', 'adcs: 8')
    const plain = resolveMachine(file(good.replaceAll('\r', '')), []).machine
    expect(resolveMachine(file(good), []).machine).toEqual(plain)
    expect(resolveMachine(file(`\uFEFF${good}`), []).machine).toEqual(plain)
    expect(plain.description).toBe('two lines')
    expect(message(file(text))).toMatch(/:8:7 adcs: expected/)
  })
})
