// What a program can import from "cimulator": the parts of the recipe (docs/architecture.md) as functions over plain data. Nothing else of the
// package can be imported, so nothing else has to stay as it is. docs/api.md shows every export.
import '../compiler.js'

export {
  CheckFailure,
  CimulatorError,
  Interrupted,
  ModelError,
  SimFault,
  SpecError,
} from '../../models/base/errors.js'
export { type Action, actions } from '../../models/cost/actions.js'
export type { ArrayGroup, Mapping, Piece, Reordering, RowLists, Strip } from '../../models/mapping/mapping.js'
export type {
  ActivationProduct,
  CodedTensor,
  CodeForm,
  ConvGeometry,
  Geometry,
  Layer,
  LayerWeights,
  MatMulGeometry,
  Network,
  NetworkInput,
  TensorQuantisation,
  WeightMatrix,
} from '../../models/nn/types.js'
export type { ItemFacts, RecordedItem, RecordedProduct, TensorHead, TraceHead } from '../../traces/record/trace.js'
export { renderTable, type TableStyle } from '../../traces/report/table.js'
export { type Comparison, compareRuns } from '../../traces/results/compare.js'
export { type Manifest, openRun, type StoredRun } from '../../traces/results/open.js'
export type {
  AreaRow,
  BaselineResult,
  ClipResult,
  EnergyRow,
  LayerItem,
  LayerResult,
  MacroResult,
  MappingSummary,
  ReferenceCheck,
  RunResult,
  StageResult,
  TimingResult,
  ValueResult,
} from '../../traces/results/result.js'
export { summaryOf } from '../../traces/results/summary.js'
export { type Cell, type Column, type Table, tablesOf } from '../../traces/results/tables.js'
export type { Machine } from '../chip/spec.js'
export type { VectorChoice } from '../options.js'
export type { Progress } from '../progress.js'
export { type LayerOptions, type MappedLayer, mapLayer, simulateLayer } from './layer.js'
export { machineNames, type Overrides, resolveMachine } from './machine.js'
export { loadNetwork, openTrace, type Recorded, record, type Trace } from './network.js'
export type { RecordRequest, RunRequest, SourceRequest } from './request.js'
export { price, type Run, run, writeRun } from './run.js'
