// Tests that bite: every fault of fault-list.mjs is put into a copy of the sources, one at a time, and the tests that it names must fail.
// npm run faults [-- NAME]
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { faults } from './fault-list.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const copied = ['sim', 'models', 'traces', 'bench', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']
const wanted = process.argv[2] ?? ''
const chosen = faults.filter(({ name }) => name.includes(wanted))
if (chosen.length === 0)
  throw new Error(`no fault is called "${wanted}", only ${faults.map(({ name }) => name).join(', ')}`)

const folder = mkdtempSync(join(tmpdir(), 'cimulator-faults-'))
let survived = 0
try {
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const sound = runTests([...new Set(chosen.map(({ tests }) => tests))])
  if (!sound.passed) throw new Error(`the tests fail without any fault: mend them first\n${sound.output}`)
  for (const fault of chosen) if (!killed(fault)) survived++
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`faults: ${chosen.length - survived} of ${chosen.length} killed\n`)
if (survived > 0) process.exitCode = 1

function killed({ name, file, find, replace, tests }) {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  const pieces = text.split(find)
  if (pieces.length !== 2)
    return say('SURVIVED', name, `the text to change stands ${pieces.length - 1} times in ${file}`)
  writeFileSync(path, pieces.join(replace))
  const { passed, output } = runTests([tests])
  writeFileSync(path, text)
  if (passed) return say('SURVIVED', name, `${tests} passes`)
  // A file that cannot be loaded or never ends is no answer of a test.
  const witness = /FAIL\s+(\S+ > .*)/.exec(output)?.[1]
  return witness === undefined
    ? say('SURVIVED', name, `no test of ${tests} failed, it ended otherwise`)
    : say('killed  ', name, witness)
}

function say(verdict, name, why) {
  process.stdout.write(`${verdict} ${name}: ${why}\n`)
  return verdict !== 'SURVIVED'
}

/** Few random cases from a fixed seed: a fault that dies today dies tomorrow. */
function runTests(tests) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const few = { CIMULATOR_QUICK: '1', CIMULATOR_CASES: '400', CIMULATOR_SEED: '1', CI: 'true' }
  const run = spawnSync(
    process.execPath,
    [vitest, 'run', '--pool=threads', '--bail=1', '--testTimeout=60000', ...tests],
    {
      cwd: folder,
      env: { ...process.env, ...few },
      encoding: 'utf8',
      timeout: 90_000,
    },
  )
  return { passed: run.status === 0, output: stripVTControlCharacters(`${run.stdout}${run.stderr}`) }
}
