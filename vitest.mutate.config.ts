// How Stryker runs the tests (tools/mutate.mjs): those that matter for the folder under CIMULATOR_MUTATE, with few random cases from a
// fixed seed, so that a mutant meets the same ones every time.
import { mergeConfig } from 'vitest/config'
import base from './vitest.config.js'

const laws = ['test/timing/**', 'test/laws/pipeline.test.ts']
const tests: Readonly<Record<string, readonly string[]>> = {
  'sim/kernel': ['test/unit/kernel/**'],
  'sim/pipeline': ['test/unit/pipeline/**', ...laws],
  'sim/stages': ['test/unit/stages/**', 'test/laws/fast.test.ts', ...laws],
  'models/mapping': [
    'test/unit/mapping/**',
    'test/timing/**',
    'test/laws/mapping.test.ts',
    'test/laws/remap.test.ts',
    'test/laws/benes.test.ts',
  ],
}
const folder = process.env['CIMULATOR_MUTATE']
const folders = folder === undefined ? Object.keys(tests) : [folder]

const config = mergeConfig(base, {
  test: { env: { CIMULATOR_QUICK: '1', CIMULATOR_CASES: '60', CIMULATOR_SEED: '1' }, reporters: ['dot'] },
})
// Not merged: lists would be joined.
config.test.include = folders.flatMap((name) =>
  (tests[name] ?? []).map((path) => path.replace(/\*\*$/, '**/*.test.ts')),
)

export default config
