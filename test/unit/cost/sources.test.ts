// Every number has a source: the preset's fields, the price tables, and docs/sources.md that shows both.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { adcModels } from '../../../models/cost/adc/index.js'
import { adcCost } from '../../../models/cost/adc/model.js'
import { bindPrices } from '../../../models/cost/bind.js'
import { priceContext } from '../../../models/cost/context.js'
import { contextOf, facts, isaacMachine, presetFile } from './helpers.js'

const document = readFileSync(new URL('../../../docs/sources.md', import.meta.url), 'utf8')
const keys = new Set([...document.matchAll(/^\| \[([\w-]+)\] \|/gm)].map((match) => match[1]!))
const raw: unknown = parse(readFileSync(presetFile, 'utf8'))

function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, path === '' ? name : `${path}.${name}`))
}

const { sources, name: _name, description: _description, ...machine } = raw as Record<string, unknown>
const sourceOf = sources as Record<string, string>
const fields = leaves(machine, '')

test('every field of the preset has a source, and every source a field', () => {
  expect(fields.length).toBeGreaterThan(40)
  expect(Object.keys(sourceOf).sort()).toEqual(fields.map(([path]) => path).sort())
})

test('a source is a known key, or assumed with a reason', () => {
  for (const [path, source] of Object.entries(sourceOf)) {
    expect(source, path).toMatch(/^\[[\w-]+\] .{5}|^assumed: .{10}/)
    for (const [, key] of source.matchAll(/\[([\w-]+)\]/g)) expect(keys, `${path}: ${key}`).toContain(key)
  }
})

test('docs/sources.md shows every field of the preset with its value and source', () => {
  for (const [path, value] of fields) expect(document).toContain(`| ${path} | ${value} | ${sourceOf[path]} |`)
})

test('docs/sources.md shows every price and footprint as the code has it, with keys it explains', () => {
  for (const context of [contextOf(), priceContext(isaacMachine, facts)]) {
    const prices = bindPrices(context)
    const lines = [
      ...prices.actions.map((a) => `| ${a.name} | ${short(a.energyPj)} | ${a.unit} | ${a.source} |`),
      ...prices.components.map(
        (c) =>
          `| ${c.name} | ${c.instance === 'adc' ? 'ADC' : c.instance} | ${short(c.areaUm2)} | ${short(c.leakageUw)} | ${c.source} |`,
      ),
    ]
    for (const line of lines) {
      expect(document).toContain(line)
      for (const [, key] of line.matchAll(/\[([\w-]+)\]/g)) expect(keys, line).toContain(key)
    }
  }
})

test('docs/sources.md shows every ADC model at 5 and 8 bits', () => {
  for (const model of adcModels.all) {
    const [five, eight] = [5, 8].map((bits) =>
      short(adcCost(model, { bits, nodeNm: 28, supplyV: 0.9, conversionsPerSecond: 1e8, arrayRows: 128 }).energyPj),
    )
    const line = document.split('\n').find((text) => text.startsWith(`| ${model.name} |`))
    expect(line).toContain(`| ${five} | ${eight} |`)
  }
})

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}
