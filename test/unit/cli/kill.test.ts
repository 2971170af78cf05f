// Runs that are killed leave a whole run directory or none (`npm run kill-test` kills fifty).
import { expect, it } from 'vitest'
import { killRuns } from '../../../bench/kill.js'

it('killed runs leave nothing that looks finished, and the next run works', async () => {
  const report = await killRuns(8, 'test')
  expect(report.failures).toEqual([])
  expect(report.early + report.writing + report.late).toBe(8)
}, 120_000)
