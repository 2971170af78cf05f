// 28 nm, 0.9 V: gate capacitances and areas of ZigZag-IMC / MIREDO, SRAM from CACTI 7 as stored in MIREDO's default template
// (docs/sources.md). Digital blocks are counted in gates; E = C·V² per full toggle.
import type { PriceContext } from '../context.js'
import { accumulatorBits, activationBits } from '../context.js'
import type { Footprint, Price, PriceTable, TableAction, TableComponent } from './table.js'

const supplyV = 0.9
/** energy in pJ of switching a capacitance in fF at the nominal supply */
const switchPj = (capacitanceFf: number) => capacitanceFf * supplyV ** 2 * 1e-3

const gate = {
  nandPj: switchPj(0.7),
  /** 3 NAND + 2 XOR */
  fullAdderPj: switchPj(3 * 0.7 + 2 * 1.05),
  registerPj: switchPj(2.1),
  /** 2 NAND2-equivalents */
  muxPj: switchPj(1.4),
  nandUm2: 0.614,
  fullAdderUm2: 3 * 0.614 + 2 * 1.4736,
  registerUm2: 3.684,
  muxUm2: 2 * 0.614,
}

/** share of multiplexer outputs that toggle; assumed: random data */
const activity = 0.5
/** word-line load of one cell, fF: half a NAND2, as ZigZag-IMC has it for SRAM cells */
const wordLineFf = 0.35
/** SRAM of MIREDO: bytes, read and write energy in pJ per bit with a 128-bit port */
const sram8 = { readPj: 0.029533106250000007, writePj: 0.032814871875 }
const sram16 = { readPj: 0.03950850937500001, writePj: 0.04694506875 }
const sram256 = { readPj: 0.197874140625, writePj: 0.14280603750000004 }
/** 8 KB: 6851.2 µm² for 65,536 bits */
const sramUm2PerBit = 6851.2 / 65_536
/** 4 F × 12 F with F = 28 nm */
const cellUm2 = 4 * 12 * 0.028 ** 2

/** leakage; assumed, see `leakageSource` */
const logicLeakUwPerUm2 = 2e-3
const sramLeakUwPerBit = 5e-5
const leakageSource =
  'leakage assumed: low-leakage cells, 2 nW/µm² of logic and 50 pW per SRAM bit (the 32 nm high-performance figures of [PUMA] are 40 to 400 times that)'

const zigzag = '[ZigZag-IMC] TECH_PARAM_28NM'
const miredo = '[MIREDO] default.py memory_hierarchy'

export const cmos28: PriceTable = {
  name: 'cmos28',
  doc: '28 nm, 0.9 V: gates of ZigZag-IMC/MIREDO, CACTI SRAM of MIREDO, 48 F² cells; supply 0.6–1.1 V by V²',
  nodeNm: 28,
  supplyV,
  supplyRangeV: [0.6, 1.1],
  actions,
  components,
  adcLeakageUw: (_bits, areaUm2) => areaUm2 * logicLeakUwPerUm2,
  adcLeakageSource: `area of the ADC model; ${leakageSource}`,
}

function actions(c: PriceContext): Record<TableAction, Price> {
  const word = accumulatorBits
  const selectLevels = Math.ceil(Math.log2(c.gatherSources))
  const readLevels = Math.max(1, Math.ceil(Math.log2(c.stripOutputs)))
  const shiftLevels = Math.ceil(Math.log2(word))
  const buffer = sram(c.activationBufferBits)
  const index = sram(indexBits(c))
  const output = sram(c.groupOutputs * word)
  return {
    bufferBitsRead: { energyPj: buffer.readPj, source: sramSource(c.activationBufferBits) },
    rowGathers: {
      energyPj: activationBits * (selectLevels * gate.muxPj * activity + gate.registerPj),
      source: `${zigzag}; assumed: ${activationBits} bits through ${selectLevels} levels of 2:1 multiplexers into a register`,
    },
    flagOrs: {
      energyPj: activationBits * gate.nandPj,
      source: `${zigzag}; assumed: one NAND2-equivalent per OR bit, all toggle`,
    },
    inputSumAdds: {
      energyPj: word * (gate.fullAdderPj + gate.registerPj),
      source: `${zigzag}; assumed: ${word}-bit adder and its own register`,
    },
    rowListBitsRead: { energyPj: index.readPj, source: sramSource(indexBits(c)) },
    permutationBitsRead: { energyPj: index.readPj, source: sramSource(indexBits(c)) },
    wordLinePulses: {
      // the pulse is charged from the higher of the two supplies; the ratio takes out the V² that scaling to the machine's supply puts in
      energyPj: c.arrayCols * switchPj(wordLineFf) * Math.max(1, c.cell.readV / c.technology.supplyV) ** 2,
      source: `[ZigZag-IMC] wl_cap; assumed: ${c.arrayCols} cells of ${wordLineFf} fF, charged from the supply (or readV if higher)`,
    },
    polaritySubtractions: {
      energyPj: c.codeBits * gate.fullAdderPj,
      source: `${zigzag}; assumed: ${c.codeBits}-bit ripple subtractor`,
    },
    benesSwitchBits: {
      energyPj: 2 * gate.muxPj * activity,
      source: `${zigzag}; assumed: two 2:1 multiplexers per switch and bit, half of them toggle; wires not included`,
    },
    benesSettingLoads: { energyPj: gate.registerPj, source: `${zigzag}; one register bit per switch` },
    shiftAdds: {
      energyPj: word * gate.fullAdderPj + c.codeBits * shiftLevels * gate.muxPj * activity,
      source: `${zigzag}; assumed: ${word}-bit adder and ${shiftLevels}-level shifter of the code; its register is psumWrites`,
    },
    psumReads: {
      energyPj: word * readLevels * gate.muxPj * activity,
      source: `${zigzag}; assumed: ${readLevels}-level read multiplexer of a ${c.stripOutputs}-word register file`,
    },
    psumWrites: { energyPj: word * gate.registerPj, source: `${zigzag}; ${word} register bits` },
    pieceAdds: { energyPj: word * gate.fullAdderPj, source: `${zigzag}; ${word}-bit adder` },
    outputWrites: {
      energyPj: word * output.writePj,
      source: `${sramSource(c.groupOutputs * word)}; ${word}-bit word, requantised later`,
    },
  }
}

function components(c: PriceContext): Record<TableComponent, Footprint> {
  const word = accumulatorBits
  const flags = c.features.zeroFlags
  const gather = c.rowsPerCycle * activationBits * ((c.gatherSources - 1) * gate.muxUm2 + gate.registerUm2)
  const subtractor = c.differential ? c.codeBits * gate.fullAdderUm2 : 0
  const shifter = word * Math.ceil(Math.log2(word)) * gate.muxUm2
  return {
    'activation-buffer': memory(c.activationBufferBits, 'one vector of a full array group'),
    load: logic(
      gather + (flags ? c.rowsPerCycle * activationBits * gate.nandUm2 : 0),
      'row selectors and registers, byte ORs of the zero flags',
    ),
    skip: logic(c.planes * (gate.registerUm2 + 4 * gate.nandUm2), 'flag register and priority encoder'),
    'index-memory': memory(indexBits(c), 'row lists and Benes settings of a full array group'),
    'word-line-driver': logic(c.arrayRows * (gate.registerUm2 + 4 * gate.nandUm2), 'register and driver per word line'),
    array: {
      areaUm2: c.arrayRows * c.arrayCols * cellUm2,
      leakageUw: 0,
      source: '[NeuroSim] Param.cpp 1T1R cell 4 F × 12 F, F = 28 nm; leakage assumed: none, unselected cells are off',
    },
    benes: logic(
      c.benesSwitches * (c.portOutputs * c.codeBits * 2 * gate.muxUm2 + gate.registerUm2),
      'two multiplexers per switch and bit, one setting bit per switch',
    ),
    'shift-add': logic(
      c.lanes * (word * gate.fullAdderUm2 + shifter + subtractor),
      `${c.lanes} lanes of subtractor, shifter and ${word}-bit adder`,
    ),
    'psum-buffer': logic(
      c.stripOutputs * word * (gate.registerUm2 + gate.muxUm2),
      `register file of ${c.stripOutputs} words of ${word} bits`,
    ),
    'output-buffer': memory(c.groupOutputs * word, 'results of one vector of a full array group'),
  }
}

function indexBits(c: PriceContext): number {
  return (c.features.rowLists ? c.rowListBits : 0) + (c.features.benes ? c.settingBits : 0)
}

function logic(areaUm2: number, what: string): Footprint {
  return {
    areaUm2,
    leakageUw: areaUm2 * logicLeakUwPerUm2,
    source: `${zigzag} areas; assumed: ${what}; ${leakageSource}`,
  }
}

function memory(bits: number, what: string): Footprint {
  return {
    areaUm2: bits * sramUm2PerBit,
    leakageUw: bits * sramLeakUwPerBit,
    source: `[MIREDO] default.py Input_buffer area per bit; assumed size: ${what}; ${leakageSource}`,
  }
}

/** The smallest tabulated memory that holds `bits`; larger ones are banks of the largest. */
function sram(bits: number): { readonly readPj: number; readonly writePj: number } {
  if (bits <= 8 * 8192) return sram8
  return bits <= 16 * 8192 ? sram16 : sram256
}

function sramSource(bits: number): string {
  const kb = sram(bits) === sram8 ? 8 : sram(bits) === sram16 ? 16 : 256
  return `${miredo}: ${kb} KB, 128-bit port; assumed: the smallest listed memory that holds ${bits} bits, or banks of 256 KB`
}
