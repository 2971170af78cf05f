// Energy of the cells themselves: reads by stored level, and programming.
import { SpecError } from '../base/errors.js'
import type { CellSpec } from './spec.js'

/**
 * Energy of one unit read pulse on one cell, for every stored level: E = V²·G·t, with the conductance G linear in the level from 1/rOff
 * (level 0) to 1/rOn (top level).
 * @returns 2^cell.bits energies in pJ
 * @throws SpecError when rOn is not below rOff
 */
export function cellReadPj(cell: CellSpec): Float64Array {
  if (!(cell.rOnOhm < cell.rOffOhm)) {
    throw new SpecError(
      `cell: expected rOnOhm < rOffOhm (the top level conducts best), got ${cell.rOnOhm} and ${cell.rOffOhm} Ω; exchange them`,
    )
  }
  const top = 2 ** cell.bits - 1
  const low = 1 / cell.rOffOhm
  const high = 1 / cell.rOnOhm
  // V²·G is in W; W × ns = nJ; × 1000 = pJ
  return Float64Array.from(
    { length: top + 1 },
    (_, level) => cell.readV ** 2 * (low + (level / top) * (high - low)) * cell.readNs * 1000,
  )
}

/** One-time energy to program `cells` cells, in pJ. */
export function programmingEnergyPj(cells: number, cell: CellSpec): number {
  return cells * cell.writePj
}
