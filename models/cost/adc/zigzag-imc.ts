// ZigZag-IMC's ADC [ZigZag-IMC: AimcArrayUnit.py, get_adc_cost]: capacitive array plus comparator noise, fitted to analog CIM macros.
import { type AdcModel, outside } from './model.js'

/** k5: switched capacitance per bit, fF; k6: noise term, fF */
const perBitFf = 100
const noiseFf = 0.001

export const zigzagImc: AdcModel = {
  name: 'zigzag-imc',
  doc: 'ZigZag-IMC formula: E = (100 fF·b + 0.001 fF·4^b)·V², fitted to 22 and 28 nm CIM macros; the column current is not in it',
  includesCellCurrent: false,
  source: '[ZigZag-IMC] AimcArrayUnit.py get_adc_cost',
  refusal: (q) =>
    // the formula has no node term: it holds where it was fitted (AIMC1–3: 22 and 28 nm)
    outside('a node (nm)', q.nodeNm, 22, 28) ?? outside('a supply voltage (V)', q.supplyV, 0.5, 1.2),
  energyPj: (q) => (perBitFf * q.bits + noiseFf * 4 ** q.bits) * q.supplyV ** 2 * 1e-3,
  areaUm2: (q) => 10 ** (-0.0369 * q.bits + 1.206) * 2 ** q.bits,
  delayNs: (q) => q.bits * (0.00653 * q.arrayRows + 0.64),
}
