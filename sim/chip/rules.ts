// What no single field can tell: relations between the parts of a machine. Each rule names the fields, their values and a way out.

import { unknownName } from '../../models/base/registry.js'
import { fieldAt } from '../../models/config/check.js'
import { adcModels } from '../../models/cost/adc/index.js'
import { priceTables } from '../../models/cost/prices/index.js'
import { remappers } from '../../models/mapping/remappers/index.js'
import { type Machine, machineSchema } from './spec.js'

export interface Violation {
  /** the field to point at */
  readonly path: readonly string[]
  readonly message: string
}

type Rule = (m: Machine) => Violation | null

const at = (path: string, broken: boolean, message: () => string): Violation | null =>
  broken ? { path: path.split('.'), message: message() } : null

const known = (
  path: string,
  registry: { readonly kind: string; readonly all: readonly { readonly name: string }[] },
  name: string,
) => {
  const names = registry.all.map((entry) => entry.name)
  return at(path, !names.includes(name), () => unknownName(registry.kind, name, names))
}

const rules: readonly Rule[] = [
  (m) => {
    const odd = Object.keys(m.sources).find((name) => fieldAt(machineSchema, name.split('.')) === null)
    return odd === undefined ? null : { path: ['sources', odd], message: 'there is no such field to have a source' }
  },
  (m) =>
    at(
      'block',
      m.block % m.ou.cols !== 0 && m.ou.cols % m.block !== 0,
      () => `${m.block} and ou.cols = ${m.ou.cols}: one must divide the other; try block = ${m.ou.cols}`,
    ),
  (m) =>
    at(
      'strip.ous',
      (m.strip.ous * m.ou.cols) % m.block !== 0,
      () => `${m.strip.ous} OU columns of ${m.ou.cols} outputs are not a whole number of blocks of ${m.block}`,
    ),
  (m) =>
    at(
      'tile.rows',
      m.tile.rows !== 'all' && m.tile.rows % m.ou.rows !== 0,
      () => `${m.tile.rows} is no multiple of ou.rows = ${m.ou.rows}; use a multiple, or all`,
    ),
  (m) =>
    at(
      'array.cols',
      Math.floor(m.array.cols / m.ou.cols) < m.strip.ous,
      () =>
        `an OU row of a strip (${m.strip.ous} OUs of ${m.ou.cols} columns) is larger than the array group: ${m.strip.ous * m.ou.cols} columns needed, ${m.array.cols} there; widen the array or lower strip.ous`,
    ),
  (m) =>
    at(
      'array.rows',
      m.array.rows < m.ou.rows,
      () => `an OU of ${m.ou.rows} rows does not fit an array of ${m.array.rows} rows`,
    ),
  (m) =>
    at(
      'cell.bits',
      m.weights.encoding === 'twos-complement' && m.cell.bits !== 1,
      () => `twos-complement weights need cells of 1 bit, got ${m.cell.bits}; use encoding differential or offset`,
    ),
  (m) =>
    at(
      'input.bitsPerStep',
      m.input.signed === 'twos-complement' && m.input.bitsPerStep !== 1,
      () => `twos-complement inputs need 1 bit per step, got ${m.input.bitsPerStep}; use signed offset or split`,
    ),
  (m) =>
    at('adc.table', (m.adc.mode === 'table') !== (m.adc.table !== undefined), () =>
      m.adc.mode === 'table'
        ? 'mode table needs a list of codes, one for every sum 0, 1, 2 …'
        : `a table is only used by mode table, the mode is ${m.adc.mode}`,
    ),
  (m) =>
    at(
      'adc.table',
      (m.adc.table ?? []).some((code) => code >= 2 ** m.adc.bits),
      () => `codes must fit ${m.adc.bits} bits: 0 … ${2 ** m.adc.bits - 1}`,
    ),
  (m) =>
    at(
      'adc.lsb',
      m.adc.lsb !== 1 && m.adc.mode !== 'scaled' && m.adc.mode !== 'table',
      () => `an LSB of ${m.adc.lsb} has a meaning in modes scaled and table only; the mode is ${m.adc.mode}`,
    ),
  (m) =>
    at(
      'cell.rOffOhm',
      m.cell.rOffOhm < m.cell.rOnOhm,
      () => `${m.cell.rOffOhm} Ω is below rOnOhm = ${m.cell.rOnOhm} Ω`,
    ),
  (m) => known('mapping.remapper', remappers, m.mapping.remapper),
  (m) =>
    at(
      'mapping.remapper',
      m.mapping.remapper === 'matching' && m.block < m.ou.cols && m.ou.cols !== 2 * m.block,
      () =>
        `matching pairs blocks: an OU must hold two (ou.cols = 2 · block), here ${m.ou.cols / m.block}; use auto, genetic or annealing`,
    ),
  (m) => known('cost.prices', priceTables, m.cost.prices),
  (m) => known('cost.adcModel', adcModels, m.cost.adcModel),
]

export function violations(machine: Machine): Violation[] {
  return rules.map((rule) => rule(machine)).filter((violation) => violation !== null)
}
