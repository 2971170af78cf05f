// cimulator doctor: what this machine has, what is missing and how to get it.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { CheckFailure } from '../../models/base/errors.js'
import { engineering } from '../../models/base/units.js'
import { installHint } from '../../traces/record/session.js'
import { embeddedFile } from '../source.js'
import type { CliCommand } from './context.js'

export const doctor: CliCommand = {
  name: 'doctor',
  doc: 'check this machine: Node, onnxruntime-node, embedded network, data folder',
  examples: ['cimulator doctor'],
  configure(command, execute) {
    command.action(() =>
      execute(async (context) => {
        const checks = [node(), runtime(), embedded(), data(), folder(), host()]
        context.out(checks.map((check) => `${check.state.padEnd(8)} ${check.text}`).join('\n'))
        if (checks.some((check) => check.state === 'missing'))
          throw new CheckFailure('something needed is missing: see above')
      }),
    )
  },
}

interface Check {
  readonly state: 'ok' | 'absent' | 'missing'
  readonly text: string
}

function node(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const recent = major! > 20 || (major === 20 && minor! >= 19)
  return recent
    ? { state: 'ok', text: `Node ${process.versions.node}` }
    : { state: 'missing', text: `Node ${process.versions.node}; needs 20.19 or newer` }
}

function runtime(): Check {
  const absent: Check = {
    state: 'absent',
    text: `onnxruntime-node: only replay of recorded traces works; to run networks: ${installHint}`,
  }
  try {
    const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
    let folder = dirname(entry)
    while (!existsSync(join(folder, 'package.json')) || !('version' in read(join(folder, 'package.json'))))
      folder = dirname(folder)
    return { state: 'ok', text: `onnxruntime-node ${String(read(join(folder, 'package.json'))['version'])}` }
  } catch {
    return absent
  }
}

function read(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
}

function embedded(): Check {
  const missing = ['network.onnx', 'inputs.npz', 'trace.npz'].filter((name) => !existsSync(embeddedFile(name)))
  return missing.length === 0
    ? { state: 'ok', text: 'embedded network, inputs and trace' }
    : { state: 'missing', text: `embedded ${missing.join(', ')}: reinstall the package` }
}

function data(): Check {
  const root = process.env['CIMULATOR_DATA']
  if (root === undefined || root === '')
    return { state: 'absent', text: 'CIMULATOR_DATA is not set: tests on the optional data folder are skipped' }
  return existsSync(join(root, 'models'))
    ? { state: 'ok', text: `CIMULATOR_DATA ${root}` }
    : { state: 'absent', text: `CIMULATOR_DATA ${root} holds no folder models` }
}

function folder(): Check {
  try {
    accessSync(process.cwd(), constants.W_OK)
    return { state: 'ok', text: 'this folder can be written' }
  } catch {
    return { state: 'absent', text: 'this folder cannot be written: give --out another place' }
  }
}

function host(): Check {
  return { state: 'ok', text: `${availableParallelism()} cores, ${engineering(totalmem(), 'B')} of memory` }
}
