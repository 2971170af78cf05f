// How many random cases a law gets, and from where. CIMULATOR_CASES sets the number for every law, CIMULATOR_SEED their seed;
// CIMULATOR_QUICK ends at the first counterexample, not at the smallest.
import fc from 'fast-check'

const cases = process.env['CIMULATOR_CASES']
const seed = process.env['CIMULATOR_SEED']

if (process.env['CIMULATOR_QUICK'] !== undefined)
  fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true })
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) })

/** Settings of `fc.assert`. */
export function runs(numRuns: number): { readonly numRuns: number } {
  return { numRuns: cases === undefined ? numRuns : Number(cases) }
}
