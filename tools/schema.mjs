// Writes the JSON Schemas of the files that people write: npm run schema. A test holds them equal to the program.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileSchemas, schemaText } from '../dist/sim/schemas.js'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'schema')
mkdirSync(folder, { recursive: true })
for (const { name } of fileSchemas.all) writeFileSync(join(folder, `${name}.schema.json`), schemaText(name))
