// The one shape of a run's result: every engine fills it, every table, exporter and comparison reads it. Plain data, no clock in it.
import type { ActionCounts } from '../../models/cost/actions.js'

/** Cycles of one stage of one macro; busy + blocked + starved = span of the macro. */
export interface StageResult {
  readonly name: string
  readonly firings: number
  readonly busy: number
  readonly blocked: number
  readonly starved: number
}

/** One pipeline during one layer. Cycles count from the start of the layer. */
export interface MacroResult {
  readonly macro: number
  /** array groups that this macro ran */
  readonly groups: readonly number[]
  readonly span: number
  readonly stages: readonly StageResult[]
}

/** Sums of one pipeline run over all macros of a layer. */
export interface TimingResult {
  /** span of the slowest macro */
  readonly cycles: number
  readonly macros: readonly MacroResult[]
  readonly actions: ActionCounts
  /** (OU, plane) pairs that fired, and that exist, over all vectors */
  readonly planesFired: number
  readonly planesTotal: number
  /** OU activations: one per (OU, plane, slice) that fired */
  readonly ouActivations: number
}

export interface EnergyRow {
  readonly component: string
  readonly dynamicPj: number
  readonly leakagePj: number
}

/** A dense reference machine (docs/timing.md, section 6). */
export interface BaselineResult {
  readonly cycles: number
  readonly energyPj: number
  readonly ous: number
  readonly arrayGroups: number
}

/** Conversions that the ADC could not represent, and what they did to the layer's integer results. */
export interface ClipResult {
  readonly conversions: number
  readonly clipped: number
  /** over all results, in units of the integer product */
  readonly maxError: number
  readonly rmsError: number
  /** 10·log10(Σ exact² / Σ error²); null when there is no error */
  readonly sqnrDb: number | null
}

/** Comparison with what ONNX Runtime computed for the layer. */
export interface ReferenceCheck {
  readonly kind: 'quantised' | 'float'
  /** quantised: largest |difference| in output steps of the lossless result; float: null */
  readonly maxSteps: number | null
  /** signal to quantisation noise of the lossless result against ONNX Runtime; null when equal */
  readonly sqnrDb: number | null
}

export interface ValueResult {
  /** results whose lossless value differed from the integer product: always 0, or the run fails */
  readonly losslessMismatches: number
  readonly clips: ClipResult
  readonly reference: ReferenceCheck | null
}

export interface MappingSummary {
  /** im2col rows and outputs of one matrix, and the number of matrices */
  readonly rows: number
  readonly cols: number
  readonly matrices: number
  readonly weights: number
  /** e = 0, structural zeros not counted */
  readonly zeroWeights: number
  /** zero weights deleted by compression */
  readonly deletedWeights: number
  readonly ous: number
  /** OUs of the dense mapping */
  readonly denseOus: number
  readonly arrayGroups: number
  readonly slices: number
  readonly polarities: number
}

/** One item on one layer. */
export interface LayerItem {
  readonly item: number
  readonly cycles: number
  readonly energyPj: number
  readonly denseBareCycles: number
  readonly denseBareEnergyPj: number
  readonly planesFired: number
  readonly planesTotal: number
  readonly ouActivations: number
  /** null without values */
  readonly clipped: number | null
}

export interface LayerResult {
  readonly index: number
  readonly name: string
  readonly op: string
  /** vectors of the layer over all items, and how many of them were simulated */
  readonly vectorsTotal: number
  readonly vectors: number
  /** MACs of the simulated vectors (zeros counted, structural zeros not) */
  readonly macs: number
  readonly mapping: MappingSummary
  readonly timing: TimingResult
  /** closed-form lower bound of the cycles: max over stages of work, slowest macro (models/analytic) */
  readonly boundCycles: number
  /** stage with the most busy cycles in the slowest macro */
  readonly limitingStage: string
  readonly values: ValueResult | null
  readonly energy: readonly EnergyRow[]
  readonly dense: { readonly bare: BaselineResult; readonly sameHardware: BaselineResult }
  readonly items: readonly LayerItem[]
}

export interface AreaRow {
  readonly component: string
  readonly count: number
  /** of all `count` instances together */
  readonly areaUm2: number
}

export interface RunResult {
  readonly network: { readonly file: string; readonly sha256: string }
  readonly trace: { readonly sha256: string; readonly items: number }
  readonly machine: string
  readonly engine: string
  /** null, or what was left out, in words ("vectors first:100 of every layer") */
  readonly partial: string | null
  readonly layers: readonly LayerResult[]
  readonly notOnArrays: readonly { readonly name: string; readonly op: string; readonly macs: number }[]
  /** top-1 over the items where labels are given: of the recorded network itself */
  readonly accuracy: { readonly items: number; readonly correct: number } | null
  /** named pattern that the zero weights follow (models/sparsity/detect.ts), and what the machine can do with it; null: none found */
  readonly pattern: {
    readonly name: string
    readonly share: number
    readonly verdict: 'legal' | 'conditional' | 'illegal'
  } | null
  readonly area: readonly AreaRow[]
  /** how prices were made: tables and models used, in words */
  readonly prices: {
    readonly table: string
    readonly adcModel: string
    /** total energy with the other ADC models; null with a reason where a model does not cover this ADC */
    readonly alternatives: readonly {
      readonly adcModel: string
      readonly energyPj: number | null
      readonly reason: string | null
    }[]
  }
  readonly cyclePeriodNs: number
  /** one-time programming energy of all cells */
  readonly programmingPj: number
}
