// Bad machine descriptions: every message names the place, what is allowed, and a near name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { presetNames } from '../../../models/config/layered.js'
import { resolveMachine } from '../../../sim/chip/resolve.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(text: string): string {
  const path = join(folder, `m${Math.abs(hash(text))}.yaml`)
  writeFileSync(path, text)
  return path
}

const hash = (text: string) => [...text].reduce((h, c) => (h * 31 + c.charCodeAt(0)) | 0, 7)

describe('machine descriptions', () => {
  it.each(presetNames())('preset %s is legal', (name) => {
    expect(resolveMachine(name, []).machine.name).toBe(name)
  })

  it('extends a preset, and --set goes last', () => {
    const path = file('extends: wu2024\nname: mine\nou: { rows: 8 }\n')
    const { machine, locate } = resolveMachine(path, ['adc.bits=6', 'order=window-bit'])
    expect(machine).toMatchObject({ name: 'mine', ou: { rows: 8, cols: 8 }, adc: { bits: 6 }, order: 'window-bit' })
    expect(locate(['ou', 'rows'])).toBe(`${path}:3:13`)
    expect(locate(['ou', 'cols'])).toMatch(/wu2024\.yaml:\d+:\d+$/)
    expect(locate(['adc', 'bits'])).toBe('--set adc.bits=6')
  })

  it.each([
    ['unknown key', 'extends: wu2024\nou: { rowz: 8 }\n', [], /:2:7 ou\.rowz: unknown field\. Did you mean "rows"\?/],
    ['out of range', 'extends: wu2024\nadcs: 0\n', [], /:2:7 adcs: expected a whole number 1 … 1048576 \(ADC\), got 0/],
    [
      'wrong type',
      'extends: wu2024\nclock: { periodNs: fast }\n',
      [],
      /:2:20 clock\.periodNs: expected a number .*\(ns\), got "fast"/,
    ],
    [
      'wrong word',
      'extends: wu2024\norder: ou-bits\n',
      [],
      /:2:8 order: expected "ou-bit", "window-bit", got "ou-bits"\. Did you mean "ou-bit"\?/,
    ],
    ['two problems at once', 'extends: wu2024\nadcs: 0\nblock: 0\n', [], /(?=[\s\S]*:2:7 adcs)(?=[\s\S]*:3:8 block)/],
    ['missing field', 'name: empty\n', [], /ou: missing; expected a map of fields/],
    ['duplicate key', 'name: a\nname: b\n', [], /:2:1 Map keys must be unique/],
    ['not a map', '- a\n', [], /:1:1 expected a map/],
    ['empty', '', [], /expected a map of fields/],
    [
      'OU row larger than the group',
      'extends: wu2024\nstrip: { ous: 17 }\narray: { cols: 128 }\n',
      [],
      /array\.cols: an OU row of a strip .* is larger than the array group: 136 columns needed, 128/,
    ],
    ['block and P_BL', 'extends: wu2024\nblock: 3\n', [], /:2:8 block: 3 and ou\.cols = 8: one must divide the other/],
    ['tile', 'extends: wu2024\ntile: { rows: 24 }\n', [], /:2:15 tile\.rows: 24 is no multiple of ou\.rows = 16/],
    ['table without codes', 'extends: wu2024\n', ['adc.mode=table'], /adc\.table: mode table needs a list of codes/],
    ['unknown remapper', 'extends: wu2024\n', ['mapping.remapper=identitty'], /Did you mean "identity"\?/],
    [
      'unknown --set key',
      'extends: wu2024\n',
      ['ou.rws=8'],
      /--set ou\.rws=8: unknown field "ou\.rws"\. Did you mean "ou\.rows"\?/,
    ],
    ['--set without a value', 'extends: wu2024\n', ['ou.rows'], /expected path=value/],
    ['unknown base', 'extends: wu2042\n', [], /unknown machine "wu2042"\. Did you mean "wu2024"\?/],
  ] as const)('%s', (_, text, sets, message) => {
    const path = file(text)
    expect(() => resolveMachine(path, [...sets])).toThrow(SpecError)
    expect(() => resolveMachine(path, [...sets])).toThrow(message)
  })

  it('files that extend one another are refused', () => {
    const [a, b] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')]
    writeFileSync(a, 'extends: ./b.yaml\n')
    writeFileSync(b, 'extends: ./a.yaml\n')
    expect(() => resolveMachine(a, [])).toThrow(/in a circle/)
  })

  it('alias bombs are refused', () => {
    const bomb = [
      'a: &a [1,1,1,1,1,1,1,1,1,1]',
      ...'bcdefg'
        .split('')
        .map((c, i) => `${c}: &${c} [${Array.from({ length: 10 }, () => `*${'abcdefg'[i]}`).join(',')}]`),
    ].join('\n')
    expect(() => resolveMachine(file(bomb), [])).toThrow(SpecError)
  })

  it('a map as a key is complained about in one place, not by the YAML library on stderr as well', () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    expect(() => resolveMachine(file('{ { a: 1 }: 2 }\n'), [])).toThrow(SpecError)
    expect(warning).not.toHaveBeenCalled()
    warning.mockRestore()
  })
})
