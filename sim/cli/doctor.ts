// cimulator doctor: what this machine has, what is missing and how to get it.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { CheckFailure, SpecError } from '../../models/base/errors.js'
import { engineering } from '../../models/base/units.js'
import { expectedRuntime, installHint, loadRuntime, runtimeVersion } from '../../traces/record/runtime.js'
import { chooseKernels } from '../engines/fast/kernels/index.js'
import { embeddedFile } from '../source.js'
import type { CliCommand } from './context.js'

export const doctor: CliCommand = {
  name: 'doctor',
  doc: 'check this machine: what is here, what is missing, how to get it',
  examples: ['cimulator doctor', 'cimulator doctor --json'],
  configure(command, execute) {
    command.action(() =>
      execute(async (context) => {
        const checks = [node(), await runtime(), simd(), embedded(), memory(), cores(), folder(), data(), python()]
        context.out(
          context.json
            ? JSON.stringify(checks, null, 2)
            : checks.map(({ state, text }) => `${state.padEnd(8)} ${text}`).join('\n'),
        )
        if (checks.some((check) => check.state === 'missing'))
          throw new CheckFailure('something needed is missing: see above')
      }),
    )
  },
}

interface Check {
  readonly name: string
  /** absent: something does without it; missing: nothing works */
  readonly state: 'ok' | 'absent' | 'missing'
  readonly text: string
}

const ok = (name: string, text: string): Check => ({ name, state: 'ok', text })
const absent = (name: string, text: string): Check => ({ name, state: 'absent', text })
const missing = (name: string, text: string): Check => ({ name, state: 'missing', text })

function node(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const here = `Node ${process.versions.node} on ${process.platform} ${process.arch}`
  return major! > 20 || (major === 20 && minor! >= 19)
    ? ok('node', here)
    : missing('node', `${here}; needs 20.19 or newer: https://nodejs.org`)
}

async function runtime(): Promise<Check> {
  const name = 'onnxruntime-node'
  try {
    await loadRuntime()
    const version = runtimeVersion()
    return version === expectedRuntime
      ? ok(name, `${name} ${version}`)
      : absent(name, `${name} ${version}: tested with ${expectedRuntime} only; to get it: ${installHint}`)
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause
    return absent(name, cause.message)
  }
}

function simd(): Check {
  return chooseKernels('auto').name === 'wasm'
    ? ok('simd', 'WebAssembly SIMD')
    : absent('simd', 'no WebAssembly SIMD: the same results, more slowly; a current build of Node has it')
}

function embedded(): Check {
  const gone = ['network.onnx', 'inputs.npz', 'trace.npz'].filter((name) => !existsSync(embeddedFile(name)))
  return gone.length === 0
    ? ok('embedded', 'embedded network, inputs and trace')
    : missing('embedded', `embedded ${gone.join(', ')}: install the package again`)
}

/** Enough for the networks of docs/validation.md; what a run takes is limited by --memory. */
const comfortable = 2 ** 31

function memory(): Check {
  const text = `${engineering(totalmem(), 'B')} of memory, ${engineering(freemem(), 'B')} free`
  return totalmem() >= comfortable
    ? ok('memory', text)
    : absent('memory', `${text}: large networks may not fit; try --memory 256MiB and --threads 1`)
}

function cores(): Check {
  const count = availableParallelism()
  return ok(
    'cores',
    `${count} core${count === 1 ? '' : 's'}: as many threads for large networks (--threads N for fewer)`,
  )
}

function folder(): Check {
  try {
    accessSync(process.cwd(), constants.W_OK)
    return ok('folder', 'this folder can be written')
  } catch {
    return absent('folder', 'this folder cannot be written: give --out another place')
  }
}

function data(): Check {
  const root = process.env['CIMULATOR_DATA']
  if (root === undefined || root === '')
    return absent('data', 'CIMULATOR_DATA is not set: only the tests on trained networks and some examples need it')
  return existsSync(join(root, 'models'))
    ? ok('data', `CIMULATOR_DATA ${root}`)
    : absent('data', `CIMULATOR_DATA ${root} holds no folder models`)
}

function python(): Check {
  const program = process.env['CIMULATOR_PYTHON'] ?? 'python3'
  const { status, stdout } = spawnSync(program, ['-c', 'import numpy; print(numpy.__version__)'], { encoding: 'utf8' })
  return status === 0
    ? ok('python', `${program} with numpy ${stdout.trim()}`)
    : absent('python', `${program} with numpy: only the independent witness of the tests needs it (CIMULATOR_PYTHON)`)
}
