// The fuzzer itself: the files that it starts from are read and run, its cases repeat, and its mutations change things.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeCase } from '../../../bench/fuzz/case.js'
import { caseOf, plainCases } from '../../../bench/fuzz/cases.js'
import { type Corpus, makeCorpus } from '../../../bench/fuzz/corpus.js'
import { mutateBytes, mutateText, randomOf } from '../../../bench/fuzz/mutate.js'
import { mutateObject } from '../../../bench/fuzz/structure.js'
import { ModelError, SpecError } from '../../../models/base/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-fuzz-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

let corpus: Corpus
beforeAll(async () => {
  corpus = await makeCorpus(join(folder, 'corpus'))
})

describe('fuzzer', () => {
  it('what it starts from is accepted, every file of it', async () => {
    const cases = plainCases(corpus)
    expect(cases.length).toBeGreaterThan(12)
    for (const [i, plain] of cases.entries()) {
      const place = join(folder, String(i))
      writeCase(plain, place)
      await expect(plain.run(place), plain.kind).resolves.toBe('run')
    }
  })

  it('a case is the same twice, and the next one is another', () => {
    const files = (index: number) => [...caseOf(corpus, 'x', index).files].map(([name, b]) => [name, Buffer.from(b)])
    for (let index = 0; index < 40; index++) expect(files(index)).toEqual(files(index))
    expect(files(1)).not.toEqual(files(2))
  })

  it('a few cases of another seed end in a refusal or a right result', async () => {
    for (let index = 0; index < 40; index++) {
      const place = join(folder, `case-${index}`)
      const chosen = caseOf(corpus, 'test', index)
      writeCase(chosen, place)
      await chosen.run(place).catch((cause: unknown) => {
        if (!(cause instanceof SpecError || cause instanceof ModelError)) throw cause
      })
    }
  })

  it('mutations leave the original alone and mostly change the copy', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i & 255)
    const original = Uint8Array.from(bytes)
    let changed = 0
    for (let i = 0; i < 200; i++) {
      const out = mutateBytes(bytes, randomOf(`bytes ${i}`), bytes)
      if (Buffer.compare(out, original) !== 0) changed++
    }
    expect(bytes).toEqual(original)
    expect(changed).toBeGreaterThan(180)
    const value = { a: [1, 2, { b: 'text' }], c: { d: true } }
    const texts = new Set<string>()
    for (let i = 0; i < 100; i++) {
      const copy = structuredClone(value)
      mutateObject(copy, randomOf(`object ${i}`))
      texts.add(JSON.stringify(copy))
    }
    expect(texts.size).toBeGreaterThan(50)
    expect(
      new Set(Array.from({ length: 100 }, (_, i) => mutateText('a: {b: 1, c: [2, 3]}', randomOf(`text ${i}`)))).size,
    ).toBeGreaterThan(50)
  })
})
