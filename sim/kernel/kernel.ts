// The event kernels by name. Both give the identical run; `wheel` is the fast one, `sdsl` the plain one of differential tests.
import { SdslKernel } from './sdsl.js'
import type { Kernel } from './types.js'
import { WheelKernel } from './wheel.js'

export type { Handler, Kernel } from './types.js'

export const kernelNames = ['wheel', 'sdsl'] as const
export type KernelName = (typeof kernelNames)[number]

export function createKernel(name: KernelName): Kernel {
  return name === 'wheel' ? new WheelKernel() : new SdslKernel()
}
