// The run in a few stable keys, units in their names: summary.json, and what --json prints.
import type { RunResult } from './result.js'
import { type Statistics, statisticsOf } from './statistics.js'
import { energyByComponent, layerEnergyPj, utilisation } from './tables.js'

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

export function totalsOf(result: RunResult) {
  const { layers } = result
  const cycles = sum(layers.map((l) => l.timing.cycles))
  const energyPj = sum(layers.map(layerEnergyPj))
  const macs = sum(layers.map((l) => l.macs))
  const bareCycles = sum(layers.map((l) => l.dense.bare.cycles))
  const sameCycles = sum(layers.map((l) => l.dense.sameHardware.cycles))
  const bareEnergyPj = sum(layers.map((l) => l.dense.bare.energyPj))
  const sameEnergyPj = sum(layers.map((l) => l.dense.sameHardware.energyPj))
  return {
    cycles,
    time_ns: cycles * result.cyclePeriodNs,
    macs,
    energy_pj: energyPj,
    leakage_pj: sum(layers.flatMap((l) => l.energy.map((row) => row.leakagePj))),
    area_um2: sum(result.area.map((row) => row.areaUm2)),
    programming_pj: result.programmingPj,
    bound_cycles: sum(layers.map((l) => l.boundCycles)),
    dense_bare: { cycles: bareCycles, energy_pj: bareEnergyPj },
    dense_same_hardware: { cycles: sameCycles, energy_pj: sameEnergyPj },
    speed_up_vs_dense_bare: cycles === 0 ? null : bareCycles / cycles,
    energy_efficiency_vs_dense_bare: energyPj === 0 ? null : bareEnergyPj / energyPj,
    /** 2 operations a MAC of the unpruned network */
    tops: cycles === 0 ? null : (2 * macs) / (cycles * result.cyclePeriodNs) / 1000,
    tops_per_watt: energyPj === 0 ? null : (2 * macs) / energyPj,
  }
}

/** Zeros among the integers e of the simulated layers, what compression made of them, and the pattern that they follow. */
export function sparsityOf(result: RunResult) {
  const total = (f: (l: RunResult['layers'][number]['mapping']) => number) =>
    sum(result.layers.map((l) => f(l.mapping)))
  return {
    weights: total((m) => m.weights),
    zero_weights: total((m) => m.zeroWeights),
    deleted_weights: total((m) => m.deletedWeights),
    pattern: result.pattern,
  }
}

/** Item by item over the whole run; null when nothing was simulated. */
function statisticsEntry(result: RunResult) {
  const found = statisticsOf(result)
  if (found === null) return null
  const entry = (s: Statistics) => ({
    mean: s.mean,
    standard_deviation: s.standardDeviation,
    half_width_95: s.halfWidth95,
    min: s.min,
    max: s.max,
  })
  return {
    items: found.items,
    cycles: entry(found.cycles),
    energy_pj: entry(found.energyPj),
    speed_up_vs_dense_bare: found.speedUpVsDenseBare && entry(found.speedUpVsDenseBare),
    planes_fired_share: found.planesFiredShare && entry(found.planesFiredShare),
    clipped: found.clipped && entry(found.clipped),
  }
}

export function summaryOf(result: RunResult) {
  return {
    schema_version: 1,
    network: { sha256: result.network.sha256 },
    machine: result.machine,
    engine: result.engine,
    items: result.trace.items,
    partial: result.partial,
    totals: totalsOf(result),
    statistics: statisticsEntry(result),
    energy_by_component: energyByComponent(result.layers).map((row) => ({
      component: row.component,
      energy_pj: row.energyPj,
    })),
    accuracy: result.accuracy,
    sparsity: sparsityOf(result),
    prices: {
      table: result.prices.table,
      adc_model: result.prices.adcModel,
      alternatives: result.prices.alternatives.map((a) => ({
        adc_model: a.adcModel,
        energy_pj: a.energyPj,
        reason: a.reason,
      })),
    },
    area: result.area.map((row) => ({ component: row.component, count: row.count, area_um2: row.areaUm2 })),
    not_on_arrays: result.notOnArrays,
    layers: result.layers.map((l) => ({
      index: l.index,
      name: l.name,
      cycles: l.timing.cycles,
      bound_cycles: l.boundCycles,
      energy_pj: layerEnergyPj(l),
      macs: l.macs,
      weights: l.mapping.weights,
      zero_weights: l.mapping.zeroWeights,
      deleted_weights: l.mapping.deletedWeights,
      dense_bare_cycles: l.dense.bare.cycles,
      dense_same_hardware_cycles: l.dense.sameHardware.cycles,
      planes_fired: l.timing.planesFired,
      planes_total: l.timing.planesTotal,
      limiting_stage: l.limitingStage,
      limiting_stage_busy_share: utilisation(l, l.limitingStage),
      clipped: l.values?.clips.clipped ?? null,
      lossless_mismatches: l.values?.losslessMismatches ?? null,
    })),
  }
}
