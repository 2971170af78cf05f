// Everything that prices depend on, as plain numbers: worked out once from a machine description and a few facts of the run.
import { bareFeatures, type Features } from './components.js'
import type { CellSpec, ClockSpec, CostSpec, TechnologySpec } from './spec.js'

/** The fields of a machine description that prices look at. */
export interface PricedMachine {
  readonly ou: { readonly rows: number; readonly cols: number }
  readonly block: number
  readonly tile: { readonly rows: number | 'all' }
  readonly strip: { readonly ous: number }
  readonly array: { readonly rows: number; readonly cols: number }
  readonly cell: CellSpec
  readonly input: { readonly bitsPerStep: number }
  readonly weights: { readonly encoding: string }
  readonly mapping: { readonly compress: boolean }
  readonly order: 'ou-bit' | 'window-bit'
  readonly slices: 'serial' | 'parallel'
  readonly skipZeroPlanes: boolean
  readonly adcs: number
  readonly load: { readonly rowsPerCycle: number }
  readonly adc: { readonly cyclesPerConversion: number }
  readonly clock: ClockSpec
  readonly technology: TechnologySpec
  readonly cost: CostSpec
}

/** What the run knows and the description does not. */
export interface PriceFacts {
  /** bits at which conversions are priced: `adc.bits`, or the bits that mode `lossless` needs */
  readonly adcBits: number
  /** im2col rows of the largest matrix (index width when `tile.rows` is larger, or `all`) */
  readonly matrixRows: number
  /** weight slices of the layer that has most of them */
  readonly slices: number
  /** row-list bits of the fullest array group; null: room for plain lists of a full group */
  readonly rowListBits?: number | null
}

/** Which machine is priced; docs/timing.md, section 6. `dense-same-hardware` has the components of the machine itself. */
export type Variant = 'machine' | 'dense-same-hardware' | 'dense-bare'

export interface PriceContext {
  readonly technology: TechnologySpec
  readonly periodNs: number
  readonly cell: CellSpec
  readonly cost: CostSpec
  readonly features: Features
  readonly arrayRows: number
  readonly arrayCols: number
  readonly adcs: number
  readonly adcBits: number
  /** conversions per second of one ADC at full speed */
  readonly conversionsPerSecond: number
  /** bits of a code behind the ADC: adcBits, plus a sign with differential encoding */
  readonly codeBits: number
  readonly differential: boolean
  /** bits of one row index */
  readonly rowIndexBits: number
  /** room for row lists in an array group */
  readonly rowListBits: number
  /** Benes settings of a full array group */
  readonly settingBits: number
  /** 2×2 switches of the network (0: none) and outputs that travel through one port side by side */
  readonly benesSwitches: number
  readonly portOutputs: number
  /** rows among which Load selects one */
  readonly gatherSources: number
  readonly rowsPerCycle: number
  /** bit planes of an activation: zero flags of an OU */
  readonly planes: number
  /** shift-adders that work at once */
  readonly lanes: number
  /** outputs of a strip: running partial sums of a macro */
  readonly stripOutputs: number
  /** activation bits that one vector can need in a full group, when every OU has its own rows */
  readonly activationBufferBits: number
  /** outputs that a full group can finish per vector, when every strip is one OU row high */
  readonly groupOutputs: number
}

export const activationBits = 8

/**
 * Width of partial sums. Assumed: 8-bit activations × 9-bit weights (int8 minus a zero point) × 2^15 rows fill a signed 32-bit word, so no
 * network that the simulator accepts in practice overflows, and integer runtimes accumulate in int32 too.
 */
export const accumulatorBits = 32

/** @param variant which machine of docs/timing.md, section 6 */
export function priceContext(machine: PricedMachine, facts: PriceFacts, variant: Variant = 'machine'): PriceContext {
  const { ou, array } = machine
  const benes = benesGeometry(machine.block, ou.cols, machine.strip.ous)
  const features: Features =
    variant === 'dense-bare'
      ? bareFeatures
      : {
          benes: benes.switches > 0,
          rowLists: machine.mapping.compress,
          zeroFlags: machine.skipZeroPlanes,
        }
  const tileRows = Math.min(machine.tile.rows === 'all' ? facts.matrixRows : machine.tile.rows, facts.matrixRows)
  const rowIndexBits = Math.max(1, Math.ceil(Math.log2(tileRows)))
  const ouRows = Math.floor(array.rows / ou.rows)
  const ouCols = Math.floor(array.cols / ou.cols)
  const stripOutputs = machine.strip.ous * ou.cols
  const differential = machine.weights.encoding === 'differential'
  const windowRows = Math.min(tileRows, ou.rows * machine.strip.ous)
  return {
    technology: machine.technology,
    periodNs: machine.clock.periodNs,
    cell: machine.cell,
    cost: machine.cost,
    features,
    arrayRows: array.rows,
    arrayCols: array.cols,
    adcs: machine.adcs,
    adcBits: facts.adcBits,
    conversionsPerSecond: 1e9 / (machine.adc.cyclesPerConversion * machine.clock.periodNs),
    codeBits: facts.adcBits + (differential ? 1 : 0),
    differential,
    rowIndexBits,
    rowListBits: facts.rowListBits ?? ouRows * ouCols * ou.rows * rowIndexBits,
    settingBits: ouRows * Math.max(1, Math.floor(ouCols / machine.strip.ous)) * benes.switches,
    benesSwitches: benes.switches,
    portOutputs: benes.portOutputs,
    // without row lists the rows of an OU lie side by side: only their first row is selected
    gatherSources: features.rowLists ? windowRows : Math.max(1, Math.ceil(windowRows / ou.rows)),
    rowsPerCycle: machine.load.rowsPerCycle,
    planes: Math.ceil(activationBits / machine.input.bitsPerStep),
    lanes:
      (machine.order === 'window-bit' ? stripOutputs : ou.cols) * (machine.slices === 'parallel' ? facts.slices : 1),
    stripOutputs,
    activationBufferBits: ouRows * ouCols * ou.rows * activationBits,
    groupOutputs: ouRows * ouCols * ou.cols,
  }
}

/** Benes network of docs/timing.md, section 1: (N/2)·(2·log2 N − 1) switches; none for one port. */
function benesGeometry(block: number, ouCols: number, stripOus: number): { switches: number; portOutputs: number } {
  const portOutputs = Math.min(block, ouCols)
  const ports = Math.ceil((stripOus * ouCols) / portOutputs)
  if (ports <= 1) return { switches: 0, portOutputs }
  const stages = Math.ceil(Math.log2(ports))
  return { switches: 2 ** (stages - 1) * (2 * stages - 1), portOutputs }
}
