// Reordering: which port of the Benes network every output of an OU enters, the settings that every window needs, and where the network
// delivers (docs/mapping.md, section 3). Values are added up where the network delivers them, so a wrong setting gives a wrong result.
import { benesSettings, throughBenes } from './benes.js'
import { type BenesShape, benesShape, type Mapping, type Reordering, type Strip } from './mapping.js'
import type { MapSpec } from './spec.js'

/** Arrays of a mapping that the reordering follows from. */
type Numbered = Pick<
  Mapping,
  'strips' | 'ous' | 'colStart' | 'colOf' | 'stripOf' | 'columnOf' | 'slotOf' | 'windows' | 'windowStart'
>
type Shape = Pick<MapSpec, 'ou' | 'block' | 'stripOus'>

/** Delivery to a port that carries no output: an index that no array has, so what arrives there is lost. */
export const nowhere = -(2 ** 30)

/** Settings of all windows. Of the OUs of an OU column in a window the k-th (in slot order) passes under setting k of the window. */
export function reordering(mapping: Numbered, spec: Shape): Reordering {
  const shape = benesShape(spec.stripOus, spec.ou.cols, spec.block)
  const settingOf = new Int32Array(mapping.ous)
  const firstSetting = new Int32Array(mapping.windows + 1)
  const found: Uint8Array[] = []
  // Most windows of a strip ask for the same ports.
  const known = new Map<string, Uint8Array>()
  for (let w = 0; w < mapping.windows; w++) {
    const first = mapping.windowStart[w]!
    const end = mapping.windowStart[w + 1]!
    if (repeats(mapping, w)) {
      const before = mapping.windowStart[w - 1]!
      const settings = firstSetting[w]! - firstSetting[w - 1]!
      for (let i = 0; i < end - first; i++) settingOf[first + i] = settingOf[before + i]! + settings
      for (let k = 0; k < settings; k++) found.push(found[firstSetting[w - 1]! + k]!)
    } else {
      const seen = new Map<number, number>()
      const groups: number[][] = []
      for (let ou = first; ou < end; ou++) {
        const k = seen.get(mapping.columnOf[ou]!) ?? 0
        seen.set(mapping.columnOf[ou]!, k + 1)
        settingOf[ou] = firstSetting[w]! + k
        const group = groups[k]
        if (group === undefined) groups[k] = [ou]
        else group.push(ou)
      }
      for (const ous of groups) found.push(settingFor(portMap(mapping, spec, ous), known))
    }
    firstSetting[w + 1] = found.length
  }
  const settings = new Uint8Array(found.length * shape.switches)
  for (const [i, setting] of found.entries()) settings.set(setting, i * shape.switches)
  return { switches: shape.switches, settings, settingOf, firstSetting }
}

/** Whether the OUs of a window stand in the slots, and belong to the OU columns, of those of the window before, in the same strip. */
function repeats({ windowStart, stripOf, slotOf, columnOf }: Numbered, window: number): boolean {
  if (window === 0) return false
  const before = windowStart[window - 1]!
  const first = windowStart[window]!
  const count = windowStart[window + 1]! - first
  if (count !== first - before || count === 0 || stripOf[before] !== stripOf[first]) return false
  for (let i = 0; i < count; i++)
    if (slotOf[before + i] !== slotOf[first + i] || columnOf[before + i] !== columnOf[first + i]) return false
  return true
}

/** Ports that carry outputs of these OUs of a window: logical port (u outputs of the strip) of every physical port; −1: not used. */
export function portMap(mapping: Numbered, spec: Shape, ous: readonly number[]): Int32Array {
  const shape = benesShape(spec.stripOus, spec.ou.cols, spec.block)
  const to = new Int32Array(shape.padded).fill(-1)
  for (const ou of ous) {
    const strip = mapping.strips[mapping.stripOf[ou]!]!
    const lines = bitLines(strip, mapping.columnOf[ou]!, spec)
    for (const [i, line] of lines.entries()) {
      const col = mapping.colOf[mapping.colStart[ou]! + i]!
      to[portOf(mapping.slotOf[ou]!, line, spec, shape)] = Math.floor((col - strip.firstCol) / shape.portOutputs)
    }
  }
  return to
}

/** Carries out a port map; ports that are not used are joined in increasing order, dummy ports too. */
function settingFor(to: Int32Array, known: Map<string, Uint8Array>): Uint8Array {
  const key = to.join()
  const before = known.get(key)
  if (before !== undefined) return before
  const taken = new Uint8Array(to.length)
  for (const logical of to) if (logical >= 0) taken[logical] = 1
  let free = 0
  for (let port = 0; port < to.length; port++) {
    if (to[port]! >= 0) continue
    while (taken[free] === 1) free++
    to[port] = free++
  }
  const setting = benesSettings(to)
  known.set(key, setting)
  return setting
}

/** Bit lines of an OU on which the outputs of an OU column stand, in slot order; those of a short last block are missing. */
export function bitLines(strip: Strip, column: number, { ou, block }: Pick<Shape, 'ou' | 'block'>): number[] {
  const lines: number[] = []
  for (let line = 0; line < ou.cols; line++) {
    const slot = column * ou.cols + line
    const logical = strip.perm[Math.floor(slot / block)]
    if (logical !== undefined && logical * block + (slot % block) < strip.width) lines.push(line)
  }
  return lines
}

function portOf(slot: number, line: number, spec: Shape, shape: BenesShape): number {
  return (slot * spec.ou.cols) / shape.portOutputs + Math.floor(line / shape.portOutputs)
}

/** Column of the matrix to which the network delivers entry c of colOf, or `nowhere`; equals colOf when every setting is right. */
export function deliveries(mapping: Numbered, order: Reordering, spec: Shape): Int32Array {
  const shape = benesShape(spec.stripOus, spec.ou.cols, spec.block)
  const { windowStart, colStart } = mapping
  const delivered = mapping.colOf.slice()
  if (order.switches === 0) return delivered
  const route = router(order, shape)
  let lines: (readonly number[])[] = []
  let linesOf = -1
  for (let w = 0; w < mapping.windows; w++) {
    const first = windowStart[w]!
    if (repeats(mapping, w) && sameSettings(mapping, order, w)) {
      delivered.copyWithin(colStart[first]!, colStart[windowStart[w - 1]!]!, colStart[first]!)
      continue
    }
    for (let ou = first; ou < windowStart[w + 1]!; ou++) {
      const to = route(ou)
      const s = mapping.stripOf[ou]!
      const strip = mapping.strips[s]!
      const column = mapping.columnOf[ou]!
      if (s !== linesOf) lines = []
      linesOf = s
      lines[column] ??= bitLines(strip, column, spec)
      for (const [i, line] of lines[column].entries()) {
        const logical = to[portOf(mapping.slotOf[ou]!, line, spec, shape)]!
        const output = logical * shape.portOutputs + (line % shape.portOutputs)
        delivered[colStart[ou]! + i] = output < strip.width ? strip.firstCol + output : nowhere
      }
    }
  }
  return delivered
}

/** Where the network sends every port while an OU passes: settings that equal those of the OU asked for before are not sent through again. */
function router({ switches, settings, settingOf }: Reordering, shape: BenesShape): (ou: number) => Int32Array {
  const send = (at: number) => throughBenes(settings.subarray(at * switches, (at + 1) * switches), shape.padded)
  const routes = new Map<number, Int32Array>()
  let last = -1
  return (ou) => {
    const at = settingOf[ou]!
    const to =
      routes.get(at) ??
      (last >= 0 && sameBytes(settings, last * switches, at * switches, switches) ? routes.get(last)! : send(at))
    routes.set(at, to)
    last = at
    return to
  }
}

/** Whether the OUs of a window pass under the same switches as those of the window before, one by one. */
function sameSettings(
  { windowStart }: Numbered,
  { switches, settings, settingOf }: Reordering,
  window: number,
): boolean {
  const before = windowStart[window - 1]!
  const first = windowStart[window]!
  for (let i = 0; i < windowStart[window + 1]! - first; i++) {
    const [a, b] = [settingOf[before + i]!, settingOf[first + i]!]
    const told = i > 0 && a === settingOf[before + i - 1] && b === settingOf[first + i - 1]
    if (!told && !sameBytes(settings, a * switches, b * switches, switches)) return false
  }
  return true
}

function sameBytes(bytes: Uint8Array, a: number, b: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

/**
 * Switches that change while the windows are visited `passes` times, group by group: every OU in slot order passes under its setting. A
 * group begins with all switches straight.
 */
export function toggles(mapping: Mapping, passes: number): number {
  const { switches, settings, settingOf } = mapping.reordering
  const between = (a: number, b: number): number => {
    if (a === b) return 0
    let changed = 0
    for (let s = 0; s < switches; s++)
      changed += (a < 0 ? 0 : settings[a * switches + s]!) ^ settings[b * switches + s]!
    return changed
  }
  let total = 0
  for (const group of mapping.groups) {
    const first = mapping.windowStart[group.firstWindow]!
    const end = mapping.windowStart[group.endWindow]!
    if (first === end || passes === 0) continue
    let inside = 0
    for (let ou = first + 1; ou < end; ou++) inside += between(settingOf[ou - 1]!, settingOf[ou]!)
    const again = between(settingOf[end - 1]!, settingOf[first]!)
    total += between(-1, settingOf[first]!) + passes * inside + (passes - 1) * again
  }
  return total
}
