// The value path: sums of bit lines, ADC codes, accumulation, activation by activation (docs/values.md, sections 3 to 5).
// Cells and activations are held as bit masks over 16 rows, so that a bit line's sum is a few table look-ups; the plain loop over
// rows and cells that it equals is in naive.ts.
import { firstOutput, type Mapping } from '../mapping/mapping.js'
import type { CodeForm } from '../nn/types.js'
import { type AdcTables, codeCount } from './adc.js'
import { cellLevel, sliceWeight, type WeightCoding } from './encode.js'
import { forEachWeight } from './ou-cells.js'

export interface ValueInput {
  readonly mapping: Mapping
  readonly coding: WeightCoding
  readonly adc: AdcTables
  readonly form: CodeForm
  /** activation byte of (matrix, pass, row): codes[matrix][pass · rows + row] */
  readonly codes: readonly Uint8Array[]
  readonly bitsPerStep: number
  readonly vectors: number
}

export interface OuValues {
  activate(pass: number, ou: number, plane: number, slices: number): void
  /** Σ sign·code·LSB·2^shift after the ADC, and the same with a lossless ADC: vectors × outputs */
  readonly acc: Float64Array
  readonly lossless: Float64Array
  /** conversions by code */
  readonly histogram: Float64Array
  clipped(): number
}

/** Number of set bits of every 16-bit number. */
const ones = Uint8Array.from({ length: 65_536 }, (_, mask) => {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
})

export function createOuValues(input: ValueInput): OuValues {
  const { mapping, coding, adc, bitsPerStep: digitBits } = input
  const { cellBits, slices, polarities } = coding
  const outputs = firstOutput(mapping.matrices, mapping.matrices.length)
  const outputOf = absoluteOutputs(mapping)
  const cells = cellMasks(mapping, coding)
  const acc = new Float64Array(input.vectors * outputs)
  const lossless = new Float64Array(input.vectors * outputs)
  const histogram = new Float64Array(codeCount(adc))
  const drive = createDriver(input)
  let clipped = 0

  /** Sum of one bit line: cells of (slice, polarity) against the driven digits. */
  function sum(at: number, words: number, plane: number): number {
    let total = 0
    for (let digit = 0; digit < digitBits; digit++) {
      const bit = plane * digitBits + digit
      if (bit > 7) break
      for (let k = 0; k < cellBits; k++) {
        let count = 0
        for (let w = 0; w < words; w++) count += ones[cells.masks[at + k * words + w]! & drive.masks[bit * words + w]!]!
        total += count << (k + digit)
      }
    }
    return total
  }

  function activate(pass: number, ou: number, plane: number, sliceMask: number): void {
    const words = drive.load(pass, ou)
    const vector = input.form === 'split' ? pass >> 1 : pass
    const sign = planeSign(input.form, pass, plane)
    const cols = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
    const line = cellBits * words
    for (let slice = 0; slice < slices; slice++) {
      if (((sliceMask >> slice) & 1) === 0) continue
      const weight = sign * sliceWeight(coding, slice) * 2 ** (digitBits * plane)
      let at = cells.start[ou]! + slice * polarities * cols * line
      for (let c = 0; c < cols; c++) {
        let code = 0
        let exact = 0
        for (let polarity = 0; polarity < polarities; polarity++) {
          const s = sum(at, words, plane)
          at += line
          const converted = adc.codes[s]!
          histogram[converted] = histogram[converted]! + 1
          clipped += adc.clipped[s]!
          code += polarity === 0 ? converted : -converted
          exact += polarity === 0 ? s : -s
        }
        const out = vector * outputs + outputOf[mapping.colStart[ou]! + c]!
        acc[out] = acc[out]! + weight * adc.lsb * code
        lossless[out] = lossless[out]! + weight * exact
      }
    }
  }

  return { activate, acc, lossless, histogram, clipped: () => clipped }
}

/** −1 for the negative pass of split inputs and the sign plane of two's-complement inputs. */
function planeSign(form: CodeForm, pass: number, plane: number): number {
  if (form === 'split') return (pass & 1) === 0 ? 1 : -1
  return form === 'twos-complement' && plane === 7 ? -1 : 1
}

/** Output channel, over all matrices, to which the reordering network delivers every entry of colOf. */
function absoluteOutputs(mapping: Mapping): Int32Array {
  const first = mapping.matrices.map((_, m) => firstOutput(mapping.matrices, m))
  const outputs = new Int32Array(mapping.colOf.length)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const base = first[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) outputs[c] = base + mapping.deliveredTo[c]!
  }
  return outputs
}

/** Row masks of every cell bit: [ou][slice][column][polarity][cell bit][16-row word]. */
function cellMasks(
  mapping: Mapping,
  coding: WeightCoding,
): { readonly start: Float64Array; readonly masks: Uint16Array } {
  const { slices, polarities, cellBits } = coding
  const start = new Float64Array(mapping.ous + 1)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const cols = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
    start[ou + 1] = start[ou]! + slices * cols * polarities * cellBits * wordsOf(mapping, ou)
  }
  const masks = new Uint16Array(start[mapping.ous]!)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const words = wordsOf(mapping, ou)
    const cols = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
    forEachWeight(mapping, ou, (row, col, e) => {
      const r = row - mapping.rowStart[ou]!
      for (let slice = 0; slice < slices; slice++) {
        for (let polarity = 0; polarity < polarities; polarity++) {
          const level = cellLevel(coding, e, slice, polarity)
          const line = (slice * cols + col - mapping.colStart[ou]!) * polarities + polarity
          for (let k = 0; k < cellBits; k++) {
            if (((level >> k) & 1) === 0) continue
            const at = start[ou]! + (line * cellBits + k) * words + (r >> 4)
            masks[at] = masks[at]! | (1 << (r & 15))
          }
        }
      }
    })
  }
  return { start, masks }
}

function wordsOf(mapping: Mapping, ou: number): number {
  return (mapping.rowStart[ou + 1]! - mapping.rowStart[ou]! + 15) >> 4
}

/** Bit masks of the activations of an OU's rows: masks[bit · words + word]; kept until another (pass, OU) is asked for. */
function createDriver(input: ValueInput): { readonly masks: Int32Array; load(pass: number, ou: number): number } {
  const { mapping, codes } = input
  let most = 1
  for (let ou = 0; ou < mapping.ous; ou++) most = Math.max(most, wordsOf(mapping, ou))
  const masks = new Int32Array(8 * most)
  let loadedPass = -1
  let loadedOu = -1
  return {
    masks,
    load(pass, ou) {
      const words = wordsOf(mapping, ou)
      if (pass === loadedPass && ou === loadedOu) return words
      loadedPass = pass
      loadedOu = ou
      masks.fill(0, 0, 8 * words)
      const { matrix } = mapping.strips[mapping.stripOf[ou]!]!
      const base = pass * mapping.matrices[matrix]!.rows
      const first = mapping.rowStart[ou]!
      const end = mapping.rowStart[ou + 1]!
      for (let i = first; i < end; i++) {
        let rest = codes[matrix]![base + mapping.rowOf[i]!]!
        const word = (i - first) >> 4
        const row = 1 << ((i - first) & 15)
        for (let at = word; rest !== 0; rest >>= 1, at += words) if ((rest & 1) !== 0) masks[at] = masks[at]! | row
      }
      return words
    },
  }
}
