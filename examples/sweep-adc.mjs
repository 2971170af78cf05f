// What ADC bits cost and what they spoil: node sweep-adc.mjs [MODEL.onnx INPUTS] (without arguments: the embedded network).
import { price, resolveMachine, run, summaryOf } from 'cimulator'

const [model, inputs] = process.argv.slice(2)
console.log('bits   energy [µJ]   with neurosim ADCs    area [mm²]   clipped conversions   worst SQNR [dB]')
for (const bits of [3, 4, 5, 6]) {
  const finished = await run({ model, inputs, limit: 4, set: { 'adc.bits': bits } })
  // The same counts under another ADC model: nothing is simulated again.
  const other = price(finished, resolveMachine(finished.machine, { 'cost.adcModel': 'neurosim-sar' }))
  const [totals, otherTotals] = [finished, other].map(({ result }) => summaryOf(result).totals)
  const clips = finished.result.layers.map((layer) => layer.values.clips)
  const clipped = clips.reduce((sum, clip) => sum + clip.clipped, 0)
  const conversions = clips.reduce((sum, clip) => sum + clip.conversions, 0)
  const worst = Math.min(...clips.map((clip) => clip.sqnrDb ?? Number.POSITIVE_INFINITY))
  console.log(
    String(bits).padStart(4),
    (totals.energy_pj / 1e6).toFixed(2).padStart(13),
    (otherTotals.energy_pj / 1e6).toFixed(2).padStart(21),
    (totals.area_um2 / 1e6).toFixed(3).padStart(12),
    `${((100 * clipped) / conversions).toFixed(3)} %`.padStart(21),
    worst === Number.POSITIVE_INFINITY ? 'no error'.padStart(17) : worst.toFixed(1).padStart(17),
  )
}
