// The committed protobuf module is what its .proto generates.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

it('models/nn/proto/onnx.js and .d.ts are up to date (node tools/proto.mjs)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-proto-'))
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools/proto.mjs'), '--out', folder])
    expect(status, String(stderr)).toBe(0)
    for (const name of ['onnx.js', 'onnx.d.ts']) {
      const fresh = readFileSync(join(folder, name), 'utf8')
      expect(fresh === readFileSync(join(root, 'models/nn/proto', name), 'utf8'), name).toBe(true)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
