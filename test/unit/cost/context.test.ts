import { expect, test } from 'vitest'
import { contextOf, preset } from './helpers.js'

test('preset: sizes by hand', () => {
  const c = contextOf({}, { matrixRows: 4608 })
  // 16 ports → 56 switches; 4 outputs travel through a port together
  expect([c.benesSwitches, c.portOutputs]).toEqual([56, 4])
  // 8 OU rows × 16 OU columns × 16 rows; indices of a 128-row tile have 7 bits
  expect(c.rowIndexBits).toBe(7)
  expect(c.rowListBits).toBe(8 * 16 * 16 * 7)
  // 8 OU rows × 2 strips side by side × 56
  expect(c.settingBits).toBe(896)
  expect(c.activationBufferBits).toBe(2048 * 8)
  expect(c.groupOutputs).toBe(1024)
  expect([c.lanes, c.stripOutputs, c.planes, c.codeBits]).toEqual([8, 64, 8, 6])
  expect(c.conversionsPerSecond).toBe(1e8)
})

test('row indices are as wide as the tile, or the matrix if that is smaller', () => {
  expect(contextOf({ tile: { rows: 'all' } }, { matrixRows: 4608 }).rowIndexBits).toBe(13)
  expect(contextOf({}, { matrixRows: 27 }).rowIndexBits).toBe(5)
  expect(contextOf({ tile: { rows: 'all' } }, { matrixRows: 1 }).rowIndexBits).toBe(1)
})

test('lanes follow the order of execution and parallel slices', () => {
  expect(contextOf({ order: 'window-bit' }).lanes).toBe(64)
  expect(contextOf({ slices: 'parallel' }, { slices: 4 }).lanes).toBe(32)
})

test('ports are padded: 3 OUs of 8 outputs in blocks of 4 are 6 → 8 ports, 20 switches; one block needs no network', () => {
  expect(contextOf({ strip: { ous: 3 } }).benesSwitches).toBe(20)
  const single = contextOf({ strip: { ous: 1 }, block: 8 })
  expect([single.benesSwitches, single.features.benes]).toEqual([0, false])
  // a block wider than the OU travels in OU-wide pieces
  expect(contextOf({ strip: { ous: 4 }, block: 16 })).toMatchObject({ portOutputs: 8, benesSwitches: 6 })
})

test('what a machine has, by variant', () => {
  expect(contextOf().features).toEqual({ benes: true, rowLists: true, zeroFlags: true })
  expect(contextOf({}, {}, 'dense-same-hardware').features).toEqual({ benes: true, rowLists: true, zeroFlags: true })
  expect(contextOf({}, {}, 'dense-bare').features).toEqual({ benes: false, rowLists: false, zeroFlags: false })
  expect(contextOf({ mapping: { ...preset.mapping, compress: false } }).features.rowLists).toBe(false)
  expect(contextOf({ skipZeroPlanes: false }).features.zeroFlags).toBe(false)
})
