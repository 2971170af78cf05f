import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { schemaText } from '../../../sim/schemas.js'
import { programIn } from '../../helpers/program.js'

const embedded = join(packageRoot(), 'models', 'embedded')
const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))

const cimulator = programIn(folder)

const sha256 = (file: string) =>
  createHash('sha256')
    .update(readFileSync(join(folder, file)))
    .digest('hex')

beforeAll(() => {
  mkdirSync(join(folder, 'set'))
  copyFileSync(join(embedded, 'inputs.npz'), join(folder, 'set', 'inputs.npz'))
  copyFileSync(join(embedded, 'network.onnx'), join(folder, 'net.onnx'))
  const text = (scale: string) =>
    `description: shapes\nroot: set\ninputs:\n  image: { file: inputs.npz, layout: NCHW${scale} }\nlabels: { file: inputs.npz }\n`
  writeFileSync(join(folder, 'inputs.yaml'), text(''))
  writeFileSync(join(folder, 'half.yaml'), text(', scale: 0.5'))
  writeFileSync(join(folder, 'three.yaml'), `first: 3\n${text('')}`)
})

describe('inputs check', () => {
  it('shows what the network sees', () => {
    const { code, out, err } = cimulator(
      'inputs',
      'check',
      'inputs.yaml',
      'net.onnx',
      '-o',
      'sheet.png',
      '--items',
      '5',
    )
    expect(err).toContain('written: sheet.png')
    expect(code).toBe(0)
    expect(out).toMatch(/inputs\.yaml: shapes; 64 items/)
    expect(out).toMatch(/input image: float32 \[1, 1, 16, 16\], NCHW grey, as the network wants: \[/)
    expect(
      out
        .trim()
        .split('\n')
        .filter((line) => /^\d+ /.test(line)).length,
    ).toBe(5)
    // Three columns and two rows of tiles of 64 pixels, with gaps of 4.
    const sheet = decode(readFileSync(join(folder, 'sheet.png')))
    expect([sheet.width, sheet.height]).toEqual([3 * 68 + 4, 2 * 68 + 4])
  })

  it('as JSON: figures by channel, and twice the scale is twice the figures', () => {
    const look = (file: string) =>
      (
        JSON.parse(cimulator('inputs', 'check', file, '--json').out) as {
          inputs: { figures: Record<string, number>[] }[]
        }
      ).inputs[0]!.figures[0]!
    const [whole, half] = [look('inputs.yaml'), look('half.yaml')]
    for (const key of ['min', 'max', 'mean', 'std']) expect(half[key]).toBeCloseTo(whole[key]! / 2, 5)
  })
})

describe('record, trace, run', () => {
  it('described inputs give the trace that arrays give; formats convert to one another byte for byte', () => {
    expect(cimulator('record', 'net.onnx', '--inputs', 'set/inputs.npz', '--limit', '3', '--out', 'a.npz').code).toBe(0)
    expect(cimulator('record', 'net.onnx', '--inputs', 'inputs.yaml', '--limit', '3', '--out', 'b.npz').code).toBe(0)
    expect(sha256('b.npz')).toBe(sha256('a.npz'))
    expect(cimulator('trace', 'convert', 'a.npz', 'a.safetensors').code).toBe(0)
    expect(cimulator('trace', 'convert', 'a.safetensors', 'c.npz').code).toBe(0)
    expect(sha256('c.npz')).toBe(sha256('a.npz'))
    expect(cimulator('trace', 'convert', 'a.npz', 'packed.npz', '--pack').code).toBe(0)
    const infos = ['a.npz', 'a.safetensors', 'packed.npz'].map((file) => {
      const { code, out } = cimulator('trace', 'info', file, '--json', '--verify')
      expect(code).toBe(0)
      const { format: _, ...rest } = JSON.parse(out) as Record<string, unknown>
      return rest
    })
    expect(infos[0]).toMatchObject({ items: 3, labelled_items: 3, model_sha256: sha256('net.onnx') })
    expect(infos[1]).toEqual(infos[0])
    expect(infos[2]).toEqual(infos[0])
  })

  it('a run of described inputs, of a trace, and of the same trace in the other format: one result', () => {
    const run = (...args: string[]) => {
      const { code, out, err } = cimulator('run', 'net.onnx', ...args, '--vectors', 'first:2', '--no-check', '--json')
      expect(code, err).toBe(0)
      return out
    }
    const described = run('--inputs', 'three.yaml')
    expect(run('--trace', 'a.npz')).toBe(described)
    expect(run('--trace', 'a.safetensors')).toBe(described)
  })

  it('a trace of another model is refused with both hashes', () => {
    // Field 2 of ModelProto, producer_name, once more: another file, the same network.
    const other = Buffer.concat([readFileSync(join(folder, 'net.onnx')), Buffer.from([0x12, 1, 0x61])])
    writeFileSync(join(folder, 'other.onnx'), other)
    const { code, err } = cimulator('run', 'other.onnx', '--trace', 'a.npz')
    expect(code).toBe(2)
    expect(err).toContain(sha256('net.onnx'))
    expect(err).toContain(sha256('other.onnx'))
  })

  it('nothing is written over without --force, nor under a name of no format', () => {
    expect(cimulator('trace', 'convert', 'a.npz', 'b.npz').err).toMatch(/b\.npz exists; .*--force/)
    expect(cimulator('record', 'net.onnx', '--inputs', 'inputs.yaml', '--out', 'x.zip').err).toMatch(
      /unknown trace format/,
    )
  })
})

describe('schema', () => {
  it('prints the schemas', () => {
    expect(cimulator('schema', 'inputs').out).toBe(schemaText('inputs'))
    expect(cimulator('schema').out).toMatch(/machine.*\n.*inputs.*\n.*pattern/)
    expect(cimulator('schema', 'machines').err).toMatch(/Did you mean "machine"/)
  })
})
