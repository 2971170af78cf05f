// cimulator schema: the JSON Schema of the files that people write.
import { fileSchemas, schemaText } from '../schemas.js'
import type { CliCommand } from './context.js'

export const schema: CliCommand = {
  name: 'schema',
  doc: 'JSON Schema of machine, inputs and pattern files, for editors',
  examples: ['cimulator schema machine > machine.schema.json', 'cimulator schema inputs'],
  configure(command, execute) {
    command
      .argument('[name]', `one of ${fileSchemas.all.map((entry) => entry.name).join(', ')}; none: the list`)
      .action((name: string | undefined) =>
        execute(async (context) => {
          if (name !== undefined) context.out(schemaText(name).trimEnd())
          else context.out(fileSchemas.all.map((entry) => `${entry.name.padEnd(8)} ${entry.doc}`).join('\n'))
        }),
      )
  },
}
