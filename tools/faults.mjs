// Tests that bite: named faults are put into a copy of the sources, one at a time, and the law and timing tests must notice each.
// npm run faults [-- NAME]
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** name, file, text to find (must be there exactly once), text to put in its place */
const faults = [
  [
    'credit off by one',
    'sim/pipeline/pipeline.ts',
    'return stage.timing.queue + stage.timing.depth',
    'return stage.timing.queue + stage.timing.depth + 1',
  ],
  [
    'release at the first firing',
    'sim/pipeline/pipeline.ts',
    'if (station.k === station.firings && index > 0) release(index, station, now)',
    'if (station.k === 1 && index > 0) release(index, station, now)',
  ],
  [
    'arrival ignores the latency',
    'sim/pipeline/pipeline.ts',
    'station.streaming ? now + station.latency : done',
    'station.streaming ? now + station.latency : now + interval',
  ],
  [
    'blocked counted from the last firing',
    'sim/pipeline/pipeline.ts',
    'station.blocked += now - station.readyAt',
    'station.blocked += now - station.freeAt',
  ],
  [
    'span forgets the last latency',
    'sim/pipeline/pipeline.ts',
    'if (done > station.end) station.end = done',
    'station.end = now + interval',
  ],
  [
    'ties last in, first out',
    'sim/kernel/heap.ts',
    'a.cycle - b.cycle || a.sequence - b.sequence',
    'a.cycle - b.cycle || b.sequence - a.sequence',
  ],
  ['flag over deleted rows too', 'sim/stages/load.ts', 'union |= code', 'union |= code | bytes[base]!'],
  ['an all-zero OU fires plane 0', 'sim/stages/skip.ts', 'if (rest === 0) return -1', 'if (rest === 0) return item'],
  [
    'planes from the top',
    'sim/stages/skip.ts',
    'const plane = 31 - Math.clz32(rest & -rest)',
    'const plane = 31 - Math.clz32(rest)',
  ],
  [
    'wrong slice shift',
    'models/values/encode.ts',
    'const weight = 2 ** (coding.cellBits * slice)',
    'const weight = 2 ** slice',
  ],
  [
    'sign slice added',
    'models/values/encode.ts',
    "return coding.encoding === 'twos-complement' && slice === coding.slices - 1 ? -weight : weight",
    'return weight',
  ],
  [
    'lost ragged OU',
    'models/mapping/build.ts',
    'Math.ceil(list.length / spec.ou.rows)',
    'Math.max(1, Math.floor(list.length / spec.ou.rows))',
  ],
  ['forgotten padding', 'models/nn/lower.ts', 'offsets[v]! < 0 ? tensor.zeroPoint :', 'offsets[v]! < 0 ? 0 :'],
  ['zero point not corrected', 'models/values/finish.ts', 'if (input.zeroPoint === 0) return', 'return'],
  [
    'offset not corrected',
    'models/values/finish.ts',
    'if (input.coding.offset !== 0) subtractInputSums',
    'if (input.coding.offset < 0) subtractInputSums',
  ],
  [
    'negative pass added',
    'models/values/ou-values.ts',
    "if (form === 'split') return (pass & 1) === 0 ? 1 : -1",
    "if (form === 'split') return 1",
  ],
  ['one visit ring', 'sim/stages/skip.ts', 'const to = layout.ring + next', 'const to = next'],
  [
    'merged item emitted at the first activation',
    'sim/stages/adc.ts',
    'if (merges && (item & 1) === 0) return -1',
    'if (merges && (item & 2) === 0) return -1',
  ],
  [
    'ADC ignores the polarities',
    'sim/stages/adc.ts',
    '(outputs * coding.polarities * slices) / spec.adcs',
    '(outputs * slices) / spec.adcs',
  ],
  [
    'piece may leave its group',
    'models/mapping/place.ts',
    'bottom + rows <= size.rows',
    'bottom + rows <= size.rows + 1',
  ],
  [
    'baseline forgets a period',
    'sim/engines/dense.ts',
    'left.cycles += periods * (to.now - from.now)',
    'left.cycles += (periods - 1) * (to.now - from.now)',
  ],
]

const tests = ['test/timing', 'test/independent', 'test/laws', 'test/unit/kernel', 'test/unit/nn/layers.test.ts']
const wanted = process.argv[2]
const folder = mkdtempSync(join(tmpdir(), 'cimulator-faults-'))
let survived = 0
try {
  for (const name of [
    'sim',
    'models',
    'traces',
    'bench',
    'test',
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
  ]) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  if (!runTests().passed) throw new Error('the tests fail without any fault: mend them first')
  for (const [name, file, find, replace] of faults) {
    if (wanted !== undefined && !name.includes(wanted)) continue
    if (!killed(name, file, find, replace)) survived++
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (survived > 0) {
  process.stderr.write(`faults: ${survived} survived\n`)
  process.exit(1)
}

function killed(name, file, find, replace) {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  const flat = text.split(find)
  if (flat.length !== 2) {
    process.stderr.write(`faults: "${name}": the text to change stands ${flat.length - 1} times in ${file}\n`)
    return false
  }
  writeFileSync(path, flat.join(replace))
  const { passed, output } = runTests()
  writeFileSync(path, text)
  const dead = !passed
  const witness = /FAIL\s+(.*)/.exec(stripVTControlCharacters(output))?.[1] ?? 'time-out'
  process.stdout.write(`${dead ? 'killed  ' : 'SURVIVED'} ${name}${dead ? `: ${witness}` : ''}\n`)
  return dead
}

function runTests() {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const run = spawnSync(
    process.execPath,
    [vitest, 'run', '--pool=threads', '--bail=1', '--testTimeout=60000', ...tests],
    {
      cwd: folder,
      env: { ...process.env, CIMULATOR_QUICK: '1', CI: 'true' },
      encoding: 'utf8',
      timeout: 180_000,
    },
  )
  return { passed: run.status === 0, output: `${run.stdout}${run.stderr}` }
}
