// NeuroSim's SAR ADC [NeuroSim: SarADC.cpp, low-power devices]: P = a·b + c (µW) for (b + 1) ns, at 300 K. NeuroSim adds a second power term
// for the column current, larger than the ADC itself; it is left out here, because cell reads are counted and priced one by one.
import { type AdcModel, type AdcQuery, outside } from './model.js'

/** node (nm), a (µW per bit), c (µW) */
const lowPower: readonly (readonly [number, number, number])[] = [
  [7, 0.1061, 0.8847],
  [10, 0.1823, 1.5073],
  [14, 0.3132, 2.5681],
  [22, 0.538, 4.3753],
  [32, 1.1294, 8.8998],
  [45, 2.1691, 16.693],
  [65, 3.7506, 25.844],
  [90, 5.9869, 37.462],
  [130, 8.4483, 65.243],
]

/** assumed: a transistor of the layout takes 28 F of height (NeuroSim's cell height) by 5 F */
const transistorF2 = 28 * 5

export const neurosimSar: AdcModel = {
  name: 'neurosim-sar',
  doc: 'NeuroSim V1.4 SAR, low power, without its column-current term; log-log interpolation between its nodes; no voltage term',
  includesCellCurrent: false,
  source:
    '[NeuroSim] SarADC.cpp GetColumnPower (LP), node interpolated between tabulated ones; area: CalculateUnitArea, assumed: 140 F² per transistor',
  refusal: (q) => outside('a node (nm)', q.nodeNm, 7, 130),
  // µW × ns = fJ
  energyPj: (q) => powerUw(q) * (q.bits + 1) * 1e-3,
  areaUm2: (q) => transistorF2 * (q.nodeNm * 1e-3) ** 2 * (269 + (q.bits - 1) * 109 + 209 + (q.bits - 1) * 73),
  delayNs: (q) => q.bits + 1,
}

function powerUw(q: AdcQuery): number {
  const upper = lowPower.findIndex(([nodeNm]) => nodeNm >= q.nodeNm)
  const high = lowPower[upper]!
  const low = lowPower[Math.max(0, upper - 1)]!
  const at = ([, a, c]: readonly [number, number, number]) => a * q.bits + c
  if (high[0] === q.nodeNm) return at(high)
  const share = Math.log(q.nodeNm / low[0]) / Math.log(high[0] / low[0])
  return at(low) * (at(high) / at(low)) ** share
}
