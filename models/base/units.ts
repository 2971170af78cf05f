// Numbers for people: engineering prefixes, separators, percentages. Conversions between units live here alone.

const prefixes: readonly (readonly [number, string])[] = [
  [1e-15, 'f'],
  [1e-12, 'p'],
  [1e-9, 'n'],
  [1e-6, 'µ'],
  [1e-3, 'm'],
  [1, ''],
  [1e3, 'k'],
  [1e6, 'M'],
  [1e9, 'G'],
  [1e12, 'T'],
]

/** Three significant digits, never in exponential form: 0.0123, 1.23, 123, 1230. */
export function threeDigits(value: number): string {
  const rounded = Number(value.toPrecision(3))
  const whole = Math.max(0, Math.floor(Math.log10(Math.abs(rounded) || 1)) + 1)
  return Math.abs(rounded) >= 1 ? rounded.toFixed(Math.max(0, 3 - whole)) : value.toPrecision(3)
}

/** Value in an SI unit with three digits and a prefix: engineering(1.23e-9, 'J') = '1.23 nJ'. */
export function engineering(value: number, unit: string): string {
  if (value === 0 || !Number.isFinite(value)) return `${value} ${unit}`
  // Rounded first: 999.6 is 1.00 k, not 1000.
  const size = Math.abs(Number(value.toPrecision(3)))
  const [factor, prefix] = prefixes.filter(([f]) => f <= size).at(-1) ?? prefixes[0]!
  return `${threeDigits(value / factor)} ${prefix}${unit}`
}

export const energy = (pj: number): string => engineering(pj * 1e-12, 'J')
export const time = (ns: number): string => engineering(ns * 1e-9, 's')
export const areaMm2 = (um2: number): string => `${threeDigits(um2 * 1e-6)} mm²`

/** Whole number with thin separators: 1234567 → 1 234 567 */
export function grouped(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ' ')
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`
}
