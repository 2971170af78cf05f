// Topologies as plain data: a list of steps in order, each of which names the steps that it reads. Sizes only; weights come from weights.ts.

interface Base {
  readonly name: string
  /** step (or the input, `image`) that it reads */
  readonly from: string
}

export interface ConvStep extends Base {
  readonly kind: 'conv'
  readonly inputs: number
  readonly outputs: number
  readonly kernel: number
  readonly stride: number
  readonly pad: number
  /** mean, in standard deviations, that its outputs get: what a batch normalisation would add */
  readonly shift: number
}

export interface GemmStep extends Base {
  readonly kind: 'gemm'
  readonly inputs: number
  readonly outputs: number
}

export type Step =
  | ConvStep
  | GemmStep
  | (Base & { readonly kind: 'relu' | 'mean' | 'flatten' })
  | (Base & { readonly kind: 'add'; readonly other: string })
  | (Base & { readonly kind: 'maxPool'; readonly kernel: number; readonly stride: number; readonly pad: number })

export interface Topology {
  readonly name: string
  /** input: 1 × channels × side × side */
  readonly channels: number
  readonly side: number
  readonly steps: readonly Step[]
}

/** Name of the input of every topology. */
export const input = 'image'

/** Appends steps; each method returns the name of what it made. */
export interface Builder {
  readonly steps: readonly Step[]
  conv(
    from: string,
    sizes: { inputs: number; outputs: number; kernel: number; stride?: number; pad?: number; shift?: number },
  ): string
  relu(from: string): string
  add(from: string, other: string): string
  maxPool(from: string, kernel: number, stride: number, pad: number): string
  mean(from: string): string
  flatten(from: string): string
  gemm(from: string, inputs: number, outputs: number): string
}

export function builder(): Builder {
  const steps: Step[] = []
  const push = (step: Step): string => {
    steps.push(step)
    return step.name
  }
  const next = (kind: string) => `${kind}${steps.filter((step) => step.kind === kind).length + 1}`
  return {
    steps,
    conv: (from, { inputs, outputs, kernel, stride = 1, pad = (kernel - 1) >> 1, shift = 0 }) =>
      push({ kind: 'conv', name: next('conv'), from, inputs, outputs, kernel, stride, pad, shift }),
    relu: (from) => push({ kind: 'relu', name: next('relu'), from }),
    add: (from, other) => push({ kind: 'add', name: next('add'), from, other }),
    maxPool: (from, kernel, stride, pad) => push({ kind: 'maxPool', name: next('maxPool'), from, kernel, stride, pad }),
    mean: (from) => push({ kind: 'mean', name: next('mean'), from }),
    flatten: (from) => push({ kind: 'flatten', name: next('flatten'), from }),
    gemm: (from, inputs, outputs) => push({ kind: 'gemm', name: next('gemm'), from, inputs, outputs }),
  }
}

export function isWeighted(step: Step): step is ConvStep | GemmStep {
  return step.kind === 'conv' || step.kind === 'gemm'
}

/** Rows of the lowered matrix of a layer. */
export function rowsOf(step: ConvStep | GemmStep): number {
  return step.kind === 'conv' ? step.inputs * step.kernel ** 2 : step.inputs
}
