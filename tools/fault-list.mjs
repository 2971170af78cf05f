// The seeded faults: wrong programs that look right. Each names the tests that must notice it by a failing assertion; test/architecture.test.ts
// checks that every text to change still stands exactly once.
// Adding one = an entry here, and `node tools/faults.mjs NAME` to see it killed.

/**
 * @typedef {object} Fault
 * @property {string} name what is wrong
 * @property {string} file
 * @property {string} find stands exactly once in the file
 * @property {string} replace stands there instead
 * @property {string} tests file or folder that must notice
 */

/** @type {readonly Fault[]} */
export const faults = [
  {
    name: 'credit off by one',
    file: 'sim/pipeline/pipeline.ts',
    find: 'return stage.timing.queue + stage.timing.depth',
    replace: 'return stage.timing.queue + stage.timing.depth + 1',
    tests: 'test/timing',
  },
  {
    name: 'release at the first firing',
    file: 'sim/pipeline/pipeline.ts',
    find: 'if (station.k === station.firings && index > 0) release(index, station, now)',
    replace: 'if (station.k === 1 && index > 0) release(index, station, now)',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'arrival ignores the latency',
    file: 'sim/pipeline/pipeline.ts',
    find: 'station.streaming ? now + station.latency : done',
    replace: 'station.streaming ? now + station.latency : now + interval',
    tests: 'test/timing',
  },
  {
    name: 'blocked counted from the last firing',
    file: 'sim/pipeline/pipeline.ts',
    find: 'station.blocked += now - station.readyAt',
    replace: 'station.blocked += now - station.freeAt',
    tests: 'test/timing',
  },
  {
    name: 'span forgets the last latency',
    file: 'sim/pipeline/pipeline.ts',
    find: 'if (done > station.end) station.end = done',
    replace: 'station.end = now + interval',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'ties last in, first out',
    file: 'sim/kernel/heap.ts',
    find: 'a.cycle - b.cycle || a.sequence - b.sequence',
    replace: 'a.cycle - b.cycle || b.sequence - a.sequence',
    tests: 'test/unit/kernel',
  },
  {
    name: 'flag over deleted rows too',
    file: 'sim/stages/load.ts',
    find: 'union |= code',
    replace: 'union |= code | bytes[base]!',
    tests: 'test/unit/stages',
  },
  {
    name: 'an all-zero OU fires plane 0',
    file: 'sim/stages/skip.ts',
    find: 'if (rest === 0) return -1',
    replace: 'if (rest === 0) return item',
    tests: 'test/unit/stages',
  },
  {
    name: 'planes from the top',
    file: 'sim/stages/skip.ts',
    find: 'const plane = 31 - Math.clz32(rest & -rest)',
    replace: 'const plane = 31 - Math.clz32(rest)',
    tests: 'test/unit/stages',
  },
  {
    name: 'wrong slice shift',
    file: 'models/values/encode.ts',
    find: 'const weight = 2 ** (coding.cellBits * slice)',
    replace: 'const weight = 2 ** slice',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'sign slice added',
    file: 'models/values/encode.ts',
    find: "return coding.encoding === 'twos-complement' && slice === coding.slices - 1 ? -weight : weight",
    replace: 'return weight',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'lost ragged OU',
    file: 'models/mapping/build.ts',
    find: 'Math.ceil(list.length / spec.ou.rows)',
    replace: 'Math.max(1, Math.floor(list.length / spec.ou.rows))',
    tests: 'test/laws/mapping.test.ts',
  },
  {
    name: 'forgotten padding',
    file: 'models/nn/lower.ts',
    find: 'offsets[v]! < 0 ? zeroPoint :',
    replace: 'offsets[v]! < 0 ? 0 :',
    tests: 'test/unit/nn/layers.test.ts',
  },
  {
    name: 'zero point not corrected',
    file: 'models/values/finish.ts',
    find: 'if (input.zeroPoint === 0) return',
    replace: 'return',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'offset not corrected',
    file: 'models/values/finish.ts',
    find: 'if (input.coding.offset !== 0) subtractInputSums',
    replace: 'if (input.coding.offset < 0) subtractInputSums',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'negative pass added',
    file: 'models/values/ou-values.ts',
    find: "if (form === 'split') return (pass & 1) === 0 ? 1 : -1",
    replace: "if (form === 'split') return 1",
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'one visit ring',
    file: 'sim/stages/skip.ts',
    find: 'const to = layout.ring + next',
    replace: 'const to = next',
    tests: 'test/unit/stages',
  },
  {
    name: 'merged item emitted at the first activation',
    file: 'sim/stages/adc.ts',
    find: 'if (merges && (item & 1) === 0) return -1',
    replace: 'if (merges && (item & 2) === 0) return -1',
    tests: 'test/unit/stages',
  },
  {
    name: 'ADC ignores the polarities',
    file: 'sim/stages/adc.ts',
    find: '(outputs * coding.polarities * slices) / spec.adcs',
    replace: '(outputs * slices) / spec.adcs',
    tests: 'test/unit/stages',
  },
  {
    name: 'piece may leave its group',
    file: 'models/mapping/place.ts',
    find: 'bottom + rows <= size.rows',
    replace: 'bottom + rows <= size.rows + 1',
    tests: 'test/laws/mapping.test.ts',
  },
  {
    name: 'baseline forgets a period',
    file: 'sim/engines/dense.ts',
    find: 'left.cycles += periods * (to.now - from.now)',
    replace: 'left.cycles += (periods - 1) * (to.now - from.now)',
    tests: 'test/laws/pipeline.test.ts',
  },
  {
    name: 'ragged block of passes dropped',
    file: 'sim/engines/fast/kernels/plain.ts',
    find: 'const count = (passes + 3) >> 2',
    replace: 'const count = passes >> 2',
    tests: 'test/laws/fast.test.ts',
  },
  {
    name: 'gap of the automaton capped',
    file: 'sim/engines/fast/automaton.ts',
    find: 'back.free[0] = gap',
    replace: 'back.free[0] = Math.min(gap, 7)',
    tests: 'test/laws/fast.test.ts',
  },
  {
    name: 'correction of the negative polarity dropped',
    file: 'sim/engines/fast/values.ts',
    find: 'polarity === 0 ? signed : -signed',
    replace: 'polarity === 0 ? signed : 0',
    tests: 'test/laws/fast.test.ts',
  },
  {
    name: 'certificate one sum too far',
    file: 'sim/engines/fast/certificate.ts',
    find: 'adc.codes.length - 1 : wrong - 1',
    replace: 'adc.codes.length - 1 : wrong',
    tests: 'test/laws/fast.test.ts',
  },
  {
    name: 'inputs: BGR read as RGB',
    file: 'traces/inputs/prepare.ts',
    find: 'data[p * 3 + 2 - c]!',
    replace: 'data[p * 3 + c]!',
    tests: 'test/unit/inputs/described.test.ts',
  },
  {
    name: 'inputs: std divides before mean is subtracted',
    file: 'traces/inputs/prepare.ts',
    find: '((x / spec.divide - mean[c]!) / std[c]!) * scale[c]!',
    replace: '(x / spec.divide / std[c]! - mean[c]!) * scale[c]!',
    tests: 'test/unit/inputs/described.test.ts',
  },
  {
    name: 'inputs: crop one row too low',
    file: 'traces/inputs/resize.ts',
    find: 'Math.floor((image.height - height) / 2)',
    replace: 'Math.ceil((image.height - height) / 2)',
    tests: 'test/unit/inputs/images.test.ts',
  },
  {
    name: 'inputs: antialias as narrow as bilinear',
    file: 'traces/inputs/resize.ts',
    find: 'wide ? Math.max(ratio, 1) : 1',
    replace: '1',
    tests: 'test/unit/inputs/images.test.ts',
  },
  {
    name: 'inputs: offset of the labels forgotten',
    file: 'traces/inputs/described.ts',
    find: 'const output = id + labels.offset',
    replace: 'const output = id',
    tests: 'test/unit/inputs/described.test.ts',
  },
  {
    name: 'inputs: links may leave the folder',
    file: 'traces/inputs/paths.ts',
    find: 'real !== folder && !real.startsWith',
    replace: "real === '' && !real.startsWith",
    tests: 'test/unit/inputs/described.test.ts',
  },
  {
    name: 'trace: codes are not held against their hash',
    file: 'traces/store/trace-file.ts',
    find: 'if (codesSha256(tensors.values()) !== facts.codesSha256)',
    replace: "if (codesSha256(tensors.values()) === '')",
    tests: 'test/unit/traces/trace-file.test.ts',
  },
  {
    name: 'trace: two-byte codes behind odd bytes',
    file: 'traces/store/trace-safetensors.ts',
    find: 'width(tensors[b]!) - width(tensors[a]!) || a - b',
    replace: 'a - b',
    tests: 'test/unit/traces/trace-file.test.ts',
  },
  {
    name: 'compare: percent of a negative number',
    file: 'traces/results/compare.ts',
    find: '(100 * (y - x)) / Math.abs(x)',
    replace: '(100 * (y - x)) / x',
    tests: 'test/unit/results/compare.test.ts',
  },
]
