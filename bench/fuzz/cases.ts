// Cases by number: a kind is drawn, then what is changed.
import type { FuzzCase, Maker } from './case.js'
import type { Corpus } from './corpus.js'
import {
  doors,
  inputCase,
  inputs,
  machineCase,
  mapping,
  mappingCase,
  preset,
  runCase,
  runDirectory,
  trace,
  traceCase,
} from './files-cases.js'
import {
  embeddedModel,
  modelBytes,
  modelCase,
  modelStructure,
  pattern,
  pruneCase,
  prunedModel,
} from './models-cases.js'
import { randomOf } from './mutate.js'

const makers: readonly Maker[] = [
  ...[modelBytes, modelBytes, modelStructure, modelStructure, modelStructure, embeddedModel, prunedModel],
  ...[trace, trace, trace, preset, preset, pattern, inputs, inputs, inputs, mapping, runDirectory],
]

/** The case with a number; the same for the same seed and the same program. */
export function caseOf(corpus: Corpus, seed: string, index: number): FuzzCase {
  const random = randomOf(`${seed}/${index}`)
  return random.pick(makers)(corpus, random)
}

/** Every file that cases start from, unchanged: all of them must be accepted. */
export function plainCases(corpus: Corpus): FuzzCase[] {
  const random = randomOf('plain')
  return [
    ...[...corpus.models].map(([name, bytes]) => modelCase(`model ${name}`, bytes, corpus.weights, random)),
    modelCase('embedded model', corpus.embedded.model, corpus.weights, random),
    ...[...corpus.traces].map(([ending, bytes]) => traceCase(corpus, `trace ${ending}`, ending, bytes, true)),
    traceCase(corpus, 'embedded trace', '.npz', corpus.embedded.trace, false),
    ...corpus.presets.map((text) => machineCase(corpus, text)),
    ...corpus.patterns.map((text) => pruneCase('pattern', corpus.models.get('conv')!, text, corpus.weights)),
    mappingCase(corpus, 'mapping', corpus.mapping),
    runCase(corpus, 'run', corpus.run),
    ...doors.map((door) => inputCase(corpus, `inputs ${door}`, door, corpus.inputs)),
  ]
}
