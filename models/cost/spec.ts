// The parts of a machine description that only prices look at.
import { z } from 'zod'
import { flag, int, real } from '../base/fields.js'

export const technologyParams = z.strictObject({
  nodeNm: real('technology node', 'nm', 1, 1000),
  supplyV: real('supply voltage of the digital parts and ADCs', 'V', 0.1, 5),
})

export const clockParams = z.strictObject({
  periodNs: real('period of the macro clock', 'ns', 1e-3, 1e6),
})

export const cellParams = z.strictObject({
  bits: int('weight bits per cell', 'bit', 1, 8),
  rOnOhm: real('resistance at the highest level', 'Ω', 1, 1e12),
  rOffOhm: real('resistance at level 0', 'Ω', 1, 1e15),
  readV: real('read voltage on the word line', 'V', 1e-3, 5),
  readNs: real('length of a read pulse', 'ns', 1e-3, 1e6),
  writePj: real('energy to program one cell', 'pJ', 0, 1e9),
})

export const costParams = z.strictObject({
  prices: z.string().meta({ description: 'price table of the digital parts: a name from `describe prices`', unit: '' }),
  adcModel: z.string().meta({ description: 'ADC energy model: a name from `describe prices`', unit: '' }),
  powerGating: flag('idle macros do not leak'),
})

export type TechnologySpec = z.infer<typeof technologyParams>
export type ClockSpec = z.infer<typeof clockParams>
export type CellSpec = z.infer<typeof cellParams>
export type CostSpec = z.infer<typeof costParams>
