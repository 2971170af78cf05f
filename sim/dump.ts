// The dump of a layer (docs/timing.md, section 7): mapping, weights, codes, results, counters and the first firings, for independent checks.
import { actions } from '../models/cost/actions.js'
import { firstOutput, type Mapping } from '../models/mapping/mapping.js'
import { portMap } from '../models/mapping/reorder.js'
import type { MapSpec } from '../models/mapping/spec.js'
import { zeroPointOf } from '../models/nn/lower.js'
import type { CodedTensor } from '../models/nn/types.js'
import { losslessBits } from '../models/values/adc.js'
import { weightSums } from '../models/values/finish.js'
import { writeNpy } from '../traces/store/npy.js'
import type { ItemOutcome } from './chip/items/engine.js'
import type { PlacedLayer } from './chip/prepare.js'
import type { Machine } from './chip/spec.js'
import type { Firing } from './engines/event.js'

export interface LayerDump {
  readonly onFiring: (firing: Firing) => void
  /** files below the run directory */
  files(outcome: ItemOutcome): Map<string, Uint8Array | string>
}

const columns = ['macro', 'stage', 'start', 'interval', 'pass', 'window', 'ou', 'plane', 'slice'] as const

/** @param choice dumpMapping, and the number of firings per stage and macro (null: no vectors) */
export function dumpLayer(
  placed: PlacedLayer,
  machine: Machine,
  tensor: CodedTensor,
  choice: { readonly dumpMapping: boolean; readonly dumpVectors: number | null },
): LayerDump {
  const rows: string[] = []
  const seen = new Map<string, number>()
  const folder = `dump/layer-${String(placed.layer.index).padStart(3, '0')}`
  return {
    onFiring(firing) {
      const key = `${firing.macro}.${firing.stage}`
      const count = seen.get(key) ?? 0
      if (choice.dumpVectors === null || count >= choice.dumpVectors) return
      seen.set(key, count + 1)
      rows.push(columns.map((name) => firing[name]).join(','))
    },
    files(outcome) {
      const files = new Map<string, Uint8Array | string>()
      files.set(`${folder}/mapping.json`, `${JSON.stringify(mappingOf(placed, machine))}\n`)
      for (const [m, matrix] of placed.mapping.matrices.entries())
        files.set(`${folder}/e-${m}.npy`, writeNpy({ shape: [matrix.rows, matrix.cols], data: matrix.e }))
      if (choice.dumpVectors === null || outcome.detail === null) return files
      files.set(`${folder}/firings.csv`, `${[columns.join(','), ...rows].join('\n')}\n`)
      addVectors(files, folder, placed, tensor, outcome)
      return files
    },
  }
}

function addVectors(
  files: Map<string, Uint8Array | string>,
  folder: string,
  placed: PlacedLayer,
  tensor: CodedTensor,
  outcome: ItemOutcome,
): void {
  const { input: vectors, outputs } = outcome.detail!
  for (const [m, codes] of vectors.vectors.entries()) {
    const data = new Uint8Array(codes.passes.length * codes.vectors * codes.rows)
    for (const [p, block] of codes.passes.entries()) data.set(block, p * codes.vectors * codes.rows)
    files.set(`${folder}/codes-${m}.npy`, writeNpy({ shape: [codes.passes.length, codes.vectors, codes.rows], data }))
  }
  const sums = Array.from(weightSums(placed.mapping))
  files.set(
    `${folder}/quantisation.json`,
    `${JSON.stringify({ form: tensor.form, zero_point: zeroPointOf(tensor, 0), weight_sums: sums })}\n`,
  )
  const total = firstOutput(placed.mapping.matrices, placed.mapping.matrices.length)
  if (outputs !== null)
    files.set(`${folder}/outputs.npy`, writeNpy({ shape: [vectors.chosen.length, total], data: outputs }))
  files.set(`${folder}/counters.json`, `${JSON.stringify(countersOf(outcome))}\n`)
}

export function countersOf(outcome: Pick<ItemOutcome, 'timing' | 'values'>) {
  const { timing, values } = outcome
  return {
    cycles: timing.cycles,
    ...Object.fromEntries(actions.map((action, i) => [action.name, timing.actions.counts[i]])),
    cellReads: Array.from(timing.actions.cellReads),
    adcCodes: Array.from(timing.actions.adcCodes),
    clipped: values?.clipped ?? null,
    planesFired: timing.planesFired,
    planesTotal: timing.planesTotal,
    ouActivations: timing.ouActivations,
    macros: timing.macros.map(({ macro, span, stages }) => ({ macro, span, stages })),
  }
}

/** Everything of docs/timing.md, section 7, about where the weights lie. */
export function mappingOf(placed: PlacedLayer, machine: Machine) {
  const { mapping, coding, benes, spec } = placed
  return {
    schema_version: 1,
    layer: placed.layer.name,
    machine,
    lossless_bits: losslessBits(machine.ou.rows, machine.input.bitsPerStep, machine.cell.bits),
    slices: coding.slices,
    polarities: coding.polarities,
    encoding_offset: coding.offset,
    weight_bits: coding.bits,
    planes: spec.planes,
    benes: { ports: benes.ports, padded: benes.padded, switches: benes.switches },
    matrices: mapping.matrices.map((matrix, m) => ({
      rows: matrix.rows,
      cols: matrix.cols,
      e: `e-${m}.npy`,
      diagonal: matrix.diagonal,
    })),
    strips: mapping.strips.map((strip) => ({
      matrix: strip.matrix,
      tile: strip.tile,
      first_row: strip.firstRow,
      tile_rows: strip.rows,
      first_col: strip.firstCol,
      width: strip.width,
      perm: Array.from(strip.perm),
      windows: range(strip.firstWindow, strip.endWindow),
    })),
    ous: Array.from({ length: mapping.ous }, (_, ou) => ouOf(mapping, placed.masks, ou)),
    windows: Array.from({ length: mapping.windows }, (_, w) => windowOf(mapping, placed.map, benes.ports, w)),
    pieces: mapping.pieces.map((piece) => ({
      strip: piece.strip,
      first_height: piece.firstHeight,
      heights: piece.heights,
      group: piece.group,
      row: piece.row,
      col: piece.col,
      width: piece.width,
    })),
    groups: mapping.groups.map((group, g) => ({
      macro: g % placed.macros,
      pieces: range(group.firstPiece, group.endPiece),
    })),
  }
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i)
}

function ouOf(mapping: Mapping, masks: Int32Array, ou: number) {
  const strip = mapping.strips[mapping.stripOf[ou]!]!
  const window = windowNumber(mapping, ou)
  return {
    strip: mapping.stripOf[ou],
    column: mapping.columnOf[ou],
    run: mapping.runOf[ou],
    slot: mapping.slotOf[ou],
    height: window - strip.firstWindow,
    rows: Array.from(mapping.rowOf.subarray(mapping.rowStart[ou]!, mapping.rowStart[ou + 1]!)),
    outputs: Array.from(mapping.colOf.subarray(mapping.colStart[ou]!, mapping.colStart[ou + 1]!)),
    slices: range(0, 32).filter((slice) => ((masks[ou]! >>> slice) & 1) === 1),
  }
}

function windowNumber(mapping: Mapping, ou: number): number {
  let low = 0
  let high = mapping.windows - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (mapping.windowStart[middle]! <= ou) low = middle
    else high = middle - 1
  }
  return low
}

function windowOf(mapping: Mapping, map: MapSpec, ports: number, w: number) {
  const { settingOf, firstSetting, settings, switches } = mapping.reordering
  const ous = range(mapping.windowStart[w]!, mapping.windowStart[w + 1]!)
  const first = mapping.windowStart[w]!
  const strip = mapping.stripOf[first]!
  return {
    strip,
    height: w - mapping.strips[strip]!.firstWindow,
    piece: mapping.pieceOf[w],
    ous,
    row_union: mapping.unionRows[w],
    settings: mapping.settings[w],
    ports: Array.from(
      portMap(
        mapping,
        map,
        ous.filter((ou) => settingOf[ou] === firstSetting[w]),
      ).subarray(0, ports),
    ),
    switches: range(firstSetting[w]!, firstSetting[w + 1]!).map((i) =>
      settings.subarray(i * switches, (i + 1) * switches).join(''),
    ),
  }
}
