// The Accelergy ADC plug-in [Accelergy-ADC: model.py, adc_data/model.yaml]: best published stand-alone ADCs (Murmann's survey) as a
// Schreier figure of merit that falls with the rate, scaled by node and resolution. Voltage is not a parameter of it.
import { type AdcModel, type AdcQuery, outside } from './model.js'

export const accelergy: AdcModel = {
  name: 'accelergy',
  doc: 'Accelergy ADC plug-in: survey of stand-alone ADCs, 4 bits and more; no voltage term; the column current is not in it',
  includesCellCurrent: false,
  source: '[Accelergy-ADC] model.py and adc_data/model.yaml',
  refusal: (q) =>
    (q.bits < 4 ? `the survey behind it has no ADC below 4 bits, got ${q.bits}` : null) ??
    outside('a node (nm)', q.nodeNm, 16, 180) ??
    outside('conversions per second', q.conversionsPerSecond, 1e4, 1e10),
  energyPj,
  areaUm2: (q) =>
    Math.exp(
      1.3462 + 0.9933 * Math.log(q.nodeNm) + 0.1807 * Math.log(q.conversionsPerSecond) + 0.2991 * Math.log(energyPj(q)),
    ),
  delayNs: () => null,
}

function energyPj(q: AdcQuery): number {
  const fomDb = Math.min(213.7807 - 2.8719 * Math.log(q.conversionsPerSecond), 128.3068 + 3.2205 * Math.ceil(q.bits))
  const sndrDb = 6.0206 * q.bits + 1.7609
  const scale = Math.exp(26.0496 + 1.88 * Math.log(q.nodeNm) - 2.8291 * Math.log(q.bits) - 1.4702)
  return scale / (2 * 10 ** ((fomDb - sndrDb) / 10))
}
