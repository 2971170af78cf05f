// cimulator doctor: what it finds, and what it says where something is not here.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'

const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')

function doctor(env: Readonly<Record<string, string>>, ...flags: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [...flags, program, 'doctor', '--json'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  const checks = JSON.parse(stdout) as { name: string; state: string; text: string }[]
  return { status, of: (name: string) => checks.find((check) => check.name === name)! }
}

describe('doctor', () => {
  it('finds what the tests themselves need', () => {
    const { status, of } = doctor({})
    expect(status).toBe(0)
    for (const name of ['node', 'onnxruntime-node', 'embedded', 'folder', 'cores']) expect(of(name).state).toBe('ok')
  })

  it('says what the optional things are for', () => {
    const { status, of } = doctor({ CIMULATOR_DATA: '', CIMULATOR_PYTHON: 'no-such-python' })
    expect(status).toBe(0)
    expect(of('data')).toMatchObject({ state: 'absent', text: expect.stringContaining('only the tests') })
    expect(of('python')).toMatchObject({ state: 'absent', text: expect.stringContaining('independent witness') })
  })

  it('runs without WebAssembly', () => {
    const { status, of } = doctor({}, '--jitless')
    expect(status).toBe(0)
    expect(of('simd')).toMatchObject({ state: 'absent', text: expect.stringContaining('the same results') })
  })
})
