// The library from inside: parts agree with the whole, prices can be put on again, requests are checked.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type CodedTensor,
  Interrupted,
  type LayerResult,
  loadNetwork,
  type Machine,
  ModelError,
  mapLayer,
  openRun,
  openTrace,
  price,
  type RecordedItem,
  type Run,
  type RunRequest,
  resolveMachine,
  run,
  SpecError,
  simulateLayer,
  summaryOf,
  writeRun,
} from '../../../sim/api/index.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))
const small: RunRequest = { limit: 2, vectors: { kind: 'first', n: 8 } }
let base: Run
beforeAll(async () => {
  base = await run(small)
})

describe('run', () => {
  it('takes parts of the network by name and by number', async () => {
    const { result } = await run({ ...small, layers: ['conv2', 5] })
    expect(result.layers.map((layer) => layer.name)).toEqual(['conv2', 'gemm'])
    expect(result.partial).toMatch(/2 of 6 layers/)
  })

  it('fields that are undefined are left out', async () => {
    const undefinedFields = {
      model: undefined,
      inputs: undefined,
      set: undefined,
      values: undefined,
      threads: undefined,
    }
    expect((await run({ ...small, ...undefinedFields })).result).toEqual(base.result)
  })

  it('gives the same from both engines', async () => {
    const { engine: _, ...theirs } = (await run({ ...small, engine: 'event' })).result
    const { engine: __, ...ours } = base.result
    expect(theirs).toEqual(ours)
  })

  it('stops when the signal is aborted', async () => {
    await expect(run({ ...small, signal: AbortSignal.abort() })).rejects.toThrow(Interrupted)
  })

  it.each([
    [{ limt: 3 }, 'run: limt: unknown field. Did you mean "limit"?'],
    [{ limit: 0 }, 'run: limit: expected a whole number 1 … 9007199254740991, got 0'],
    [{ threads: 65 }, 'run: threads: expected a whole number 1 … 64, got 65'],
    [{ engine: 'fats' }, 'run: engine: expected "fast", "event", got "fats". Did you mean "fast"?'],
    [{ signal: 3 }, 'run: signal: expected an AbortSignal, got 3'],
    [{ inputs: 'x.npy', trace: 'x.npz' }, 'run: inputs and trace: give one of them'],
    [{ machine: 'wu2025' }, 'unknown machine "wu2025". Did you mean "wu2024"?'],
    [{ set: { 'adc.bitz': 4 } }, '--set adc.bitz=4: unknown field "adc.bitz". Did you mean "adc.bits"?'],
    [{ set: { 'adc.bits': () => 4 } }, '--set adc.bits: expected a number, text, truth value, list or map'],
    [{ layers: ['conv9'] }, 'no layer "conv9"'],
  ])('%j: %s', async (request, message) => {
    const failure = await run(request as RunRequest).catch((cause: unknown) => cause)
    expect(failure).toBeInstanceOf(SpecError)
    expect((failure as SpecError).message).toContain(message)
  })
})

describe('resolveMachine', () => {
  it('merges maps, replaces the rest, and takes its own output', () => {
    const once = resolveMachine('wu2024', { ou: { rows: 8 }, order: 'window-bit' })
    expect(once).toMatchObject({ ou: { rows: 8, cols: 8 }, order: 'window-bit' })
    expect(resolveMachine(once)).toEqual(once)
    const back = resolveMachine(once, { 'ou.rows': 16, order: 'ou-bit' })
    expect({ ...back, sources: {} }).toEqual({ ...resolveMachine(), sources: {} })
  })

  it('checks a machine as plain data like any other, all problems at once', () => {
    const odd = { ...resolveMachine(), adcs: 0, blok: 4 } as Machine
    expect(() => resolveMachine(odd)).toThrow(/machine: adcs: expected .*\nmachine: blok: unknown field/)
    expect(() => resolveMachine({ ...resolveMachine(), block: 3 })).toThrow(/block: 3 and ou\.cols = 8/)
  })
})

describe('price', () => {
  it('is what a run on that machine gives', async () => {
    const set = { 'cost.adcModel': 'accelergy', 'cell.readV': 0.3, 'clock.periodNs': 20, 'technology.supplyV': 0.8 }
    const again = price(base, resolveMachine(base.machine, set))
    expect(again.result).toEqual((await run({ ...small, set })).result)
    expect(price(again, base.machine).result).toEqual(base.result)
  })

  it('refuses machines that would have counted something else', () => {
    const other = resolveMachine(base.machine, { adcs: 8 })
    expect(() => price(base, other)).toThrow(/price: adcs is 8, the run was simulated with 16/)
    expect(() => price({ ...base, counts: undefined } as unknown as Run, base.machine)).toThrow(SpecError)
  })
})

describe('writeRun and openRun', () => {
  it('writes what was found, and reads it back', async () => {
    const place = join(folder, 'run')
    await writeRun(place, base)
    const stored = openRun(place)
    expect(stored.json('summary.json')).toEqual(JSON.parse(JSON.stringify(summaryOf(base.result))))
    expect((await stored.table('layers')).map((row) => row['cycles'])).toEqual(
      base.result.layers.map((layer) => layer.timing.cycles),
    )
    await expect(writeRun(place, base)).rejects.toThrow(/exists/)
    await writeRun(place, price(base, resolveMachine(base.machine, { 'clock.periodNs': 20 })), { force: true })
    const manifest = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8')) as { configuration: Machine }
    expect(manifest.configuration.clock.periodNs).toBe(20)
  })
})

describe('one layer', () => {
  const network = loadNetwork()
  const machine = resolveMachine()

  it('counts what the whole run counts', async () => {
    const trace = await openTrace()
    const items = [await trace.readItem(0), await trace.readItem(1)]
    await trace.close()
    const counted = ({ energy: _, dense, items: each, vectorsTotal: __, index: ___, ...rest }: LayerResult) => ({
      ...rest,
      cycles: [dense.bare.cycles, dense.sameHardware.cycles, ...each.map((item) => item.cycles)],
    })
    for (const [l, layer] of network.layers.entries()) {
      const alone = await simulateLayer(layer, items, machine, { vectors: { kind: 'first', n: 8 } })
      expect(counted(alone)).toEqual(counted(base.result.layers[l]!))
    }
  })

  it('maps as the whole run does', () => {
    for (const [l, layer] of network.layers.entries()) {
      const { mapping, slices, polarities } = mapLayer(layer, machine)
      const { mapping: summary } = base.result.layers[l]!
      const { ous, deletedWeights, arrayGroups } = summary
      expect([mapping.ous, mapping.deletedWeights, mapping.groups.length]).toEqual([ous, deletedWeights, arrayGroups])
      expect([slices, polarities]).toEqual([summary.slices, summary.polarities])
    }
  })

  it('refuses items that are not its own', async () => {
    const trace = await openTrace()
    const item = await trace.readItem(0)
    await trace.close()
    const layer = network.layers[1]!
    const tensor = item.tensors.get(layer.inputTensor)!
    const withTensor = (change: Partial<CodedTensor>): RecordedItem => ({
      ...item,
      tensors: new Map([[layer.inputTensor, { ...tensor, ...change }]]),
    })
    const one = (each: RecordedItem) => simulateLayer(layer, [each], machine)
    await expect(one({ ...item, tensors: new Map() })).rejects.toThrow(ModelError)
    await expect(one(withTensor({ codes: tensor.codes.slice(1) }))).rejects.toThrow(/expected \d+ for shape/)
    await expect(one(withTensor({ form: 'split' }))).rejects.toThrow(/recorded with input\.signed split/)
    await expect(simulateLayer(layer, [], machine)).rejects.toThrow(/at least one item/)
  })
})
