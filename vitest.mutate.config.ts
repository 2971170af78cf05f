// How Stryker runs the tests (stryker.config.json): few random cases from a fixed seed, so that a mutant meets the same ones every time.
import { mergeConfig } from 'vitest/config'
import base from './vitest.config.js'

export default mergeConfig(base, {
  test: { env: { CIMULATOR_QUICK: '1', CIMULATOR_CASES: '100', CIMULATOR_SEED: '1' }, reporters: ['dot'] },
})
