// Tests that bite: every fault of fault-list.mjs is put into a copy of the sources, alone, and the tests that it names must fail.
// npm run faults [-- NAME]
import { execFile } from 'node:child_process'
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

/** Two faults at a time, each lane in a copy of its own. */
const lanes = Math.min(2, chosen.length)
const folders = Array.from({ length: lanes }, () => mkdtempSync(join(tmpdir(), 'cimulator-faults-')))
const waiting = [...chosen]
let survived = 0
try {
  for (const folder of folders) {
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  }
  const sound = await runTests(folders[0], [...new Set(chosen.map(({ tests }) => tests))], 300_000)
  if (!sound.passed) throw new Error(`the tests fail without any fault: mend them first\n${sound.output}`)
  await Promise.all(folders.map(lane))
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`faults: ${chosen.length - survived} of ${chosen.length} killed\n`)
if (survived > 0) process.exitCode = 1

async function lane(folder) {
  for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift())
    if (!(await killed(folder, fault))) survived++
}

async function killed(folder, { name, file, find, replace, tests }) {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  const pieces = text.split(find)
  if (pieces.length !== 2)
    return say('SURVIVED', name, `the text to change stands ${pieces.length - 1} times in ${file}`)
  writeFileSync(path, pieces.join(replace))
  const { passed, output } = await runTests(folder, [tests], 90_000)
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
function runTests(folder, tests, timeout) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const few = { CIMULATOR_QUICK: '1', CIMULATOR_CASES: '400', CIMULATOR_SEED: '1', CI: 'true' }
  const args = [vitest, 'run', '--pool=threads', '--bail=1', '--testTimeout=60000', ...tests]
  const options = { cwd: folder, env: { ...process.env, ...few }, timeout, maxBuffer: 1 << 26 }
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve({ passed: error === null, output: stripVTControlCharacters(`${stdout}${stderr}`) }),
    )
  })
}
