// The exported JSON Schemas: the written files are those of the program, and another validator reads them as the program does.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../models/base/paths.js'
import { presetFolder } from '../../models/config/layered.js'
import { namedPatterns } from '../../models/sparsity/named.js'
import { fileSchemas, schemaText } from '../../sim/schemas.js'

const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true })
const validators = new Map(fileSchemas.all.map(({ name, build }) => [name, ajv.compile(build())]))

function errors(name: string, data: unknown): string[] {
  const validate = validators.get(name)!
  validate(data)
  const list = (validate.errors ?? []).filter((error) => error.keyword !== 'if')
  return list.map((error) => `${error.instancePath} ${error.message}`)
}

const yamls = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const)

const machines = yamls(presetFolder())
const inputs = yamls(join(packageRoot(), 'examples', 'inputs'))

describe('JSON Schema', () => {
  it.each(fileSchemas.all.map(({ name }) => name))('schema/%s.schema.json is up to date (npm run schema)', (name) => {
    expect(readFileSync(join(packageRoot(), 'schema', `${name}.schema.json`), 'utf8')).toBe(schemaText(name))
  })

  it.each([...machines, ...yamls(join(packageRoot(), 'examples', 'machines'))])('%s is a machine', (_, text) => {
    expect(errors('machine', parse(text))).toEqual([])
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.\.\/schema\/machine\.schema\.json\n/)
  })

  it.each(inputs)('%s describes inputs, and tells editors its schema', (_, text) => {
    expect(errors('inputs', parse(text))).toEqual([])
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.\.\/schema\/inputs\.schema\.json\n/)
  })

  it.each([...namedPatterns])('the pattern %s', (_, fields) => {
    expect(errors('pattern', fields)).toEqual([])
  })

  it('a machine may leave out what it extends, and nothing else', () => {
    const whole = parse(machines[0]![1]) as Record<string, object>
    const { ou: _, ...without } = whole
    expect(errors('machine', without)).toEqual([" must have required property 'ou'"])
    expect(errors('machine', { ...without, ou: { rows: 8 } })).toEqual(["/ou must have required property 'cols'"])
    expect(errors('machine', { extends: 'wu2024', ou: { rows: 8 } })).toEqual([])
    expect(errors('machine', { extends: 'wu2024', ou: { rowz: 8 } })).toEqual([
      '/ou must NOT have additional properties',
    ])
    expect(errors('machine', { extends: 'wu2024', ou: { rows: 0 } })).toEqual(['/ou/rows must be >= 1'])
  })

  it('units stand in the descriptions', () => {
    expect(schemaText('machine')).toContain('word lines of an operation unit, P_WL [word line]')
    expect(schemaText('machine')).not.toContain('"unit"')
  })

  it.each<[string, object, string]>([
    ['a misspelt field', { inputs: { x: { fiel: 'a' } } }, '/inputs/x must NOT have additional properties'],
    ['a wrong choice', { inputs: { x: { file: 'a', dtype: 'float' } } }, '/inputs/x/dtype must be equal to one of'],
    ['no inputs', {}, " must have required property 'inputs'"],
  ])('inputs with %s are refused', (_, data, message) => {
    expect(errors('inputs', data).join('\n')).toContain(message)
  })
})
