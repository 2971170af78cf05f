// 32 nm: component powers of ISAAC as PUMA's simulator lists them (one access per ns, so mW = pJ per access), and the shift-adder of the
// ISAAC library. Nothing is scaled to other nodes or supplies.
import type { PriceContext } from '../context.js'
import { accumulatorBits, activationBits } from '../context.js'
import type { Footprint, Price, PriceTable, TableAction, TableComponent } from './table.js'

const puma = '[PUMA] constants.py'
/** crossbar input memory of 128 16-bit words: 1.7 mW reads 128 bits per ns; writes 0.16 mW for one 16-bit word */
const inMem = { readPjPerBit: 1.7 / 128, writePjPerBit: 0.16 / 16, um2PerBit: 780 / 2048, leakUwPerBit: 40 / 2048 }
/** crossbar output memory of 128 16-bit words: 0.16 mW per word */
const outMem = { pjPerBit: 0.16 / 16, um2PerBit: 780 / 2048, leakUwPerBit: 40 / 2048 }
/** data memory of 2 KB: 0.57 mW per 16-bit word */
const dataMem = { pjPerBit: 0.57 / 16, um2PerBit: 3920 / 16_384, leakUwPerBit: 330 / 16_384 }
/** simple operations of the 16-bit ALU: 0.373 mW at 45 nm × 32/45, as PUMA scales it */
const aluPjPerBit = (0.373 * 32) / 45 / 16
const aluLeakUw = (0.27 * 1000 * 32) / 45
const aluUm2 = (5670 * 32) / 45
/** 16-bit shift-and-add of ISAAC's IMA */
const shiftAdd = { pj: 0.021, um2: 60, leakUw: 5 }
/** 1-bit DAC, one per word line */
const dac = { dynamicMw: 0.00350625, leakUw: 0.390625, um2: 0.167 }
/** assumed: no such network in ISAAC or PUMA; the 28 nm estimate 1.134 fJ × 32/28 × (1.0/0.9)² */
const switchBitPj = 0.0016
const switchBitUm2 = 3.2

export const isaac32: PriceTable = {
  name: 'isaac32',
  doc: '32 nm, 0.9 V: ISAAC/PUMA component figures (high-performance cells: large leakage); no scaling of node or supply',
  nodeNm: 32,
  supplyV: 0.9,
  supplyRangeV: [0.9, 0.9],
  actions,
  components,
  adcLeakageUw: (bits) => (200 * bits) / 8,
  adcLeakageSource: `${puma}: 0.2 mW at 8 bits; assumed linear in bits`,
}

function actions(c: PriceContext): Record<TableAction, Price> {
  const word = accumulatorBits
  const alu = `${puma}: ALU, simple operations, 16 bits`
  return {
    bufferBitsRead: { energyPj: inMem.readPjPerBit, source: `${puma}: xbar_inMem 128, read` },
    rowGathers: {
      energyPj: activationBits * inMem.writePjPerBit,
      source: `${puma}: xbar_inMem 128, write; assumed: 8 of its 16 bits`,
    },
    flagOrs: { energyPj: activationBits * aluPjPerBit, source: `${alu}; assumed: half of one` },
    inputSumAdds: { energyPj: word * aluPjPerBit, source: `${alu}; assumed: two for ${word} bits` },
    rowListBitsRead: { energyPj: dataMem.pjPerBit, source: `${puma}: dataMem 2048` },
    permutationBitsRead: { energyPj: dataMem.pjPerBit, source: `${puma}: dataMem 2048` },
    wordLinePulses: {
      // ISAAC's DAC power only adds up when it burns for the whole read, not for 1 ns
      energyPj: dac.dynamicMw * c.cell.readNs,
      source: `${puma}: 1-bit DAC power for the whole read pulse`,
    },
    polaritySubtractions: {
      energyPj: shiftAdd.pj,
      source: '[ISAAC-library] isaac_shift_add.csv; assumed: the same adder',
    },
    benesSwitchBits: { energyPj: switchBitPj, source: 'assumed: the 28 nm multiplexer estimate × 32/28 × (1.0/0.9)²' },
    benesSettingLoads: { energyPj: outMem.pjPerBit, source: `${puma}: xbar_outMem 128, per bit` },
    shiftAdds: { energyPj: shiftAdd.pj, source: '[ISAAC-library] isaac_shift_add.csv, 16 bits' },
    psumReads: { energyPj: word * outMem.pjPerBit, source: `${puma}: xbar_outMem 128; two words` },
    psumWrites: { energyPj: word * outMem.pjPerBit, source: `${puma}: xbar_outMem 128; two words` },
    pieceAdds: { energyPj: word * aluPjPerBit, source: `${alu}; assumed: two for ${word} bits` },
    outputWrites: { energyPj: word * dataMem.pjPerBit, source: `${puma}: dataMem 2048; two words` },
  }
}

function components(c: PriceContext): Record<TableComponent, Footprint> {
  const indexBits = (c.features.rowLists ? c.rowListBits : 0) + (c.features.benes ? c.settingBits : 0)
  return {
    'activation-buffer': memory(c.activationBufferBits, inMem, 'xbar_inMem 128'),
    load: {
      areaUm2: c.rowsPerCycle * activationBits * inMem.um2PerBit + aluUm2,
      leakageUw: c.rowsPerCycle * activationBits * inMem.leakUwPerBit + aluLeakUw,
      source: `${puma}: xbar_inMem for the gathered rows and one ALU; assumed: that is Load`,
    },
    skip: {
      areaUm2: c.planes * outMem.um2PerBit,
      leakageUw: c.planes * outMem.leakUwPerBit,
      source: `${puma}: xbar_outMem; assumed: the flag register`,
    },
    'index-memory': memory(indexBits, dataMem, 'dataMem 2048'),
    'word-line-driver': {
      areaUm2: c.arrayRows * dac.um2,
      leakageUw: c.arrayRows * dac.leakUw,
      source: `${puma}: dac_area, dac_pow_leak`,
    },
    array: {
      areaUm2: (25 * c.arrayRows * c.arrayCols) / (128 * 128),
      leakageUw: 0,
      source: `${puma}: xbar_area 128, xbar_pow_leak 0`,
    },
    benes: {
      areaUm2: c.benesSwitches * (c.portOutputs * c.codeBits * switchBitUm2 + outMem.um2PerBit),
      leakageUw: c.benesSwitches * outMem.leakUwPerBit,
      source: 'assumed: the 28 nm multiplexer estimate × (32/28)²; settings as [PUMA] xbar_outMem bits',
    },
    'shift-add': {
      areaUm2: c.lanes * shiftAdd.um2,
      leakageUw: c.lanes * shiftAdd.leakUw,
      source: `${puma}: sna_area, sna_pow_leak`,
    },
    'psum-buffer': memory(c.stripOutputs * accumulatorBits, outMem, 'xbar_outMem 128'),
    'output-buffer': memory(c.groupOutputs * accumulatorBits, dataMem, 'dataMem 2048'),
  }
}

function memory(bits: number, kind: { um2PerBit: number; leakUwPerBit: number }, name: string): Footprint {
  return {
    areaUm2: bits * kind.um2PerBit,
    leakageUw: bits * kind.leakUwPerBit,
    source: `${puma}: ${name}; assumed: proportional to bits`,
  }
}
