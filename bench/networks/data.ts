// The optional folder of trained networks, found through CIMULATOR_DATA alone.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = process.env['CIMULATOR_DATA'] ?? ''

export const dataFolder: string | null = root !== '' && existsSync(join(root, 'models')) ? root : null

export function networkNames(): string[] {
  if (dataFolder === null) return []
  return readdirSync(join(dataFolder, 'models'))
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => name.slice(0, -5))
    .sort()
}

export function modelBytes(name: string): Uint8Array {
  return readFileSync(join(dataFolder!, 'models', `${name}.onnx`))
}

export interface ReferenceLayer {
  readonly node: string
  readonly op: string
  readonly note?: string
  readonly weight_shape?: readonly number[]
  readonly im2col_rows: number
  readonly im2col_cols: number
  readonly vectors: number
  readonly macs: number
  readonly group?: number
  readonly weight_zero_fraction_exact: number
}

export interface Reference {
  readonly preprocessing: string
  readonly input: { readonly name: string; readonly shape: readonly (number | string)[] }
  readonly predicted: readonly number[]
  /** items, and the share of them that is predicted right */
  readonly count: number
  readonly top1: number
  readonly layers: readonly ReferenceLayer[]
}

export function reference(name: string): Reference {
  return JSON.parse(readFileSync(join(dataFolder!, 'reference', `${name}.json`), 'utf8')) as Reference
}
