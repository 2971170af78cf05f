// The components of a macro that cost energy or area, and which of them a machine has. Actions name their component (actions.ts);
// `array`, `adc`, `skip` and the rest also leak and take area.

/** What is replicated: one per macro, per ADC, per array group, or per array. */
export type Instance = 'macro' | 'adc' | 'group' | 'array'

export const components = [
  { name: 'activation-buffer', instance: 'macro' },
  { name: 'load', instance: 'macro' },
  { name: 'skip', instance: 'macro' },
  { name: 'index-memory', instance: 'group' },
  { name: 'word-line-driver', instance: 'array' },
  { name: 'array', instance: 'array' },
  { name: 'adc', instance: 'adc' },
  { name: 'benes', instance: 'macro' },
  { name: 'shift-add', instance: 'macro' },
  { name: 'psum-buffer', instance: 'macro' },
  { name: 'output-buffer', instance: 'macro' },
] as const satisfies readonly { readonly name: string; readonly instance: Instance }[]

export type ComponentName = (typeof components)[number]['name']

/** Hardware that a machine may lack. What is absent has no energy, no leakage and no area. */
export interface Features {
  /** Benes network and its settings in index memory */
  readonly benes: boolean
  /** row lists in index memory */
  readonly rowLists: boolean
  /** zero flags at Load, and the Skip stage */
  readonly zeroFlags: boolean
}

/** The machine `dense-bare` of docs/timing.md, section 6. */
export const bareFeatures: Features = { benes: false, rowLists: false, zeroFlags: false }

export function hasComponent(features: Features, name: ComponentName): boolean {
  if (name === 'benes') return features.benes
  if (name === 'index-memory') return features.benes || features.rowLists
  if (name === 'skip') return features.zeroFlags
  return true
}
