// cimulator inputs check: what a network would see of described inputs, before anything long runs.
import { SpecError } from '../../models/base/errors.js'
import { openModel } from '../../models/nn/model-file.js'
import type { NetworkInput } from '../../models/nn/types.js'
import { type DescribedInputs, openDescribed } from '../../traces/inputs/described.js'
import { type InputLook, lookAt } from '../../traces/inputs/look.js'
import { isDescription } from '../../traces/inputs/open.js'
import { contactSheet } from '../../traces/inputs/sheet.js'
import type { InputArray } from '../../traces/record/session.js'
import { writeFileWhole } from '../../traces/store/atomic.js'
import { checkNewFile } from '../../traces/store/place.js'
import type { CliCommand, CliContext } from './context.js'
import { wholeNumber } from './flags.js'
import { plainTable, printable } from './plain-table.js'

interface Flags {
  readonly data?: string
  readonly limit?: number
  readonly items: number
  readonly output?: string
  readonly force?: boolean
  readonly json?: boolean
}

export const inputs: CliCommand = {
  name: 'inputs',
  doc: 'look at described inputs as a network sees them',
  examples: [
    'cimulator inputs check inputs.yaml',
    'cimulator inputs check inputs.yaml model.onnx -o sheet.png',
    'cimulator inputs check examples/inputs/mnist-raw.yaml --data ~/data --limit 20 --json',
  ],
  configure(command, execute) {
    command
      .command('check')
      .description('shapes, numbers by channel, labels, and a contact sheet')
      .argument('<file>', 'description of the inputs (.yaml)')
      .argument('[model]', 'ONNX file that they are for: names, shapes and types are compared with it')
      .option('--data <dir>', 'folder that the paths of the description start from')
      .option('--limit <n>', 'items to look at, from the first (default: all)', wholeNumber('--limit', 1))
      .option('--items <n>', 'items to list and to show', wholeNumber('--items', 1), 16)
      .option('-o, --output <png>', 'write the first items as a PNG')
      .option('--force', 'replace an existing file')
      .option('--json', 'as JSON')
      .action((file: string, model: string | undefined, flags: Flags) =>
        execute((context) => check(context, file, model ?? null, flags)),
      )
  },
}

async function check(context: CliContext, file: string, model: string | null, flags: Flags): Promise<void> {
  if (!isDescription(file)) throw new SpecError(`${file}: expected a description of inputs (.yaml): docs/inputs.md`)
  if (flags.output !== undefined) checkNewFile(flags.output, flags.force === true)
  const wanted: readonly NetworkInput[] | null = model === null ? null : openModel(model).network.inputs
  const opened = openDescribed(file, wanted, { limit: flags.limit ?? null, data: flags.data ?? null })
  try {
    if (flags.limit !== undefined && flags.limit > opened.total)
      context.say(`limit ${flags.limit}: there are only ${opened.total} items; all of them are looked at`)
    const progress = context.progress()
    progress.phase('reading items', opened.count)
    const first: (readonly InputArray[])[] = []
    const looks = await lookAt(opened.inputs, opened.count, (index, arrays) => {
      if (index < flags.items) first.push(arrays)
      progress.step(index + 1)
    })
    progress.end()
    if (flags.output !== undefined) {
      const sheet = contactSheet(
        opened.inputs[0]!,
        first.map((arrays) => arrays[0]!),
        looks[0]!.figures,
      )
      await writeFileWhole(flags.output, sheet, flags.force === true)
      context.say(`written: ${flags.output}`)
    }
    const items = first.map((arrays, index) => ({
      index,
      labels: opened.labels(index),
      values: firstValues(arrays[0]!),
    }))
    if (context.json || flags.json === true)
      context.out(
        JSON.stringify(
          { file, description: opened.description, items: opened.count, inputs: looks, first: items },
          null,
          2,
        ),
      )
    else context.out(textOf(file, opened, looks, items, wanted))
  } finally {
    opened.close()
  }
}

const firstValues = ({ data }: InputArray) =>
  Array.from({ length: Math.min(4, data.length) }, (_, i) => Number(data[i]))
const short = (value: number) => String(Number(value.toPrecision(5)))

function textOf(
  file: string,
  opened: DescribedInputs,
  looks: readonly InputLook[],
  items: readonly { readonly index: number; readonly labels: readonly number[] | null; readonly values: number[] }[],
  wanted: readonly NetworkInput[] | null,
): string {
  const head = `${file}: ${opened.description === '' ? '' : `${opened.description}; `}${opened.count} items`
  const blocks = looks.map((look) => {
    const rows = look.figures.map((f) => [f.channel, ...[f.min, f.max, f.mean, f.std].map(short)])
    const table = plainTable(['channel', 'min', 'max', 'mean', 'std'], rows, [1, 2, 3, 4])
    const images = look.layout === null ? '' : `, ${look.layout}${look.channels === null ? '' : ` ${look.channels}`}`
    const fit =
      wanted === null ? '' : `, as the network wants: [${wanted.find((w) => w.name === look.name)!.shape.join(', ')}]`
    return `input ${look.name}: ${look.dtype} [${look.shape.join(', ')}]${images}${fit}\n${table}`
  })
  const rows = items.map((item) => [
    String(item.index),
    labelText(opened, item.labels),
    item.values.map(short).join(' '),
  ])
  return [printable(head), ...blocks, plainTable(['item', 'right outputs', 'first values'], rows)].join('\n\n')
}

function labelText(opened: DescribedInputs, labels: readonly number[] | null): string {
  if (labels === null) return 'not known'
  return labels
    .map((output) => {
      const name = opened.names?.[output - opened.offset]
      return name === undefined ? String(output) : `${output} ${name.split(',')[0]}`
    })
    .join(', ')
}
