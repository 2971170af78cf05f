// The actions that the simulator counts. It counts and never knows a joule; prices are applied afterwards (price.ts).
// An action belongs to the component that spends the energy. Adding one = a line here and a price in every price table.

export interface Action {
  readonly name: string
  readonly component: string
  readonly unit: string
  readonly doc: string
}

export const actions = [
  {
    name: 'bufferBitsRead',
    component: 'activation-buffer',
    unit: 'bit',
    doc: 'activation bits read by Cache: union of the row lists of a window × 8',
  },
  {
    name: 'rowGathers',
    component: 'load',
    unit: 'row',
    doc: 'rows gathered for an OU by Load: its kept rows, per OU and vector',
  },
  {
    name: 'flagOrs',
    component: 'load',
    unit: '8-bit OR',
    doc: 'byte ORs that form the zero flags of an OU: its kept rows, per OU and vector',
  },
  {
    name: 'inputSumAdds',
    component: 'load',
    unit: 'add',
    doc: 'additions of Σa for offset-encoded weights: kept rows per OU and vector',
  },
  { name: 'rowListBitsRead', component: 'index-memory', unit: 'bit', doc: 'row-list bits read, per OU and vector' },
  {
    name: 'permutationBitsRead',
    component: 'index-memory',
    unit: 'bit',
    doc: 'Benes setting bits read from index memory, per window and vector',
  },
  {
    name: 'wordLinePulses',
    component: 'word-line-driver',
    unit: 'pulse',
    doc: 'unit word-line pulses: Σ digits of the driven rows × visited slices × polarities',
  },
  {
    name: 'adcConversions',
    component: 'adc',
    unit: 'conversion',
    doc: 'columns converted: used columns × slices × polarities per OU activation',
  },
  {
    name: 'polaritySubtractions',
    component: 'shift-add',
    unit: 'subtraction',
    doc: 'positive minus negative code, per output and slice',
  },
  {
    name: 'benesSwitchBits',
    component: 'benes',
    unit: 'switch·bit',
    doc: 'data bits through 2×2 switches: switches of the network × word bits, per Benes item and slice',
  },
  {
    name: 'benesSettingLoads',
    component: 'benes',
    unit: 'switch',
    doc: 'switch settings loaded into the network, per window and vector',
  },
  {
    name: 'shiftAdds',
    component: 'shift-add',
    unit: 'shift-add',
    doc: 'shift-and-add operations, per output and slice of a Shift&Add item',
  },
  {
    name: 'psumReads',
    component: 'psum-buffer',
    unit: 'word',
    doc: 'partial sums read: one per output per Shift&Add item, and two per addition of pieces',
  },
  {
    name: 'psumWrites',
    component: 'psum-buffer',
    unit: 'word',
    doc: 'partial sums written: one per output per Shift&Add item, and one per addition of pieces',
  },
  {
    name: 'pieceAdds',
    component: 'shift-add',
    unit: 'add',
    doc: 'additions of partial sums from different pieces: pieces − 1 per output',
  },
  {
    name: 'outputWrites',
    component: 'output-buffer',
    unit: 'word',
    doc: 'finished results written, one per vector and output',
  },
] as const satisfies readonly Action[]

export type ActionName = (typeof actions)[number]['name']

/** Index of every action in a count vector; hot paths use these integers. */
export const actionId = Object.fromEntries(actions.map((action, i) => [action.name, i])) as Readonly<
  Record<ActionName, number>
>

/** What was counted in one layer. */
export interface ActionCounts {
  /** one entry per action of `actions` */
  readonly counts: Float64Array
  /** array component: cell reads by stored level, 2^cell.bits entries (unit: cell · pulse) */
  readonly cellReads: Float64Array
  /** ADC output codes, one entry per code; empty when values were off */
  readonly adcCodes: Float64Array
}
