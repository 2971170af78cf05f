// Kernels by name; `auto` takes the quickest that this machine runs.
import { SpecError } from '../../../../models/base/errors.js'
import { unknownName } from '../../../../models/base/registry.js'
import type { Kernels } from './kernels.js'
import { plain } from './plain.js'
import { available, wasm } from './wasm.js'

export const kernelChoices = ['auto', 'wasm', 'js'] as const
export type KernelChoice = (typeof kernelChoices)[number]

/** @throws SpecError for wasm where WebAssembly has no SIMD */
export function chooseKernels(choice: KernelChoice): Kernels {
  if (choice === 'js') return plain
  if (available()) return wasm
  if (choice === 'auto') return plain
  throw new SpecError('--kernels wasm: this Node has no WebAssembly SIMD; use --kernels js')
}

export function kernelChoice(name: string): KernelChoice {
  const found = kernelChoices.find((choice) => choice === name)
  if (found === undefined) throw new SpecError(unknownName('kernels', name, kernelChoices))
  return found
}
