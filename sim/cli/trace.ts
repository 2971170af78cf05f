// cimulator trace: what a recorded trace holds, and the same trace in another format.
import { Interrupted } from '../../models/base/errors.js'
import { engineering } from '../../models/base/units.js'
import { itemsOf } from '../../traces/record/trace.js'
import { openTrace, type TraceFile, traceFormats, writeTraceFile } from '../../traces/store/trace-file.js'
import type { CliCommand, CliContext } from './context.js'
import { plainTable, printable } from './plain-table.js'

interface InfoFlags {
  readonly verify?: boolean
  readonly json?: boolean
}

interface ConvertFlags {
  readonly pack?: boolean
  readonly force?: boolean
}

export const trace: CliCommand = {
  name: 'trace',
  doc: 'look into recorded traces, and convert them',
  examples: [
    'cimulator trace info trace.npz',
    'cimulator trace info trace.npz --verify',
    'cimulator trace convert trace.npz trace.safetensors',
  ],
  configure(command, execute) {
    command
      .command('info')
      .description('items, tensors, scales and hashes of a trace')
      .argument('<file>', `recorded trace (${traceFormats.map((format) => format.extension).join(', ')})`)
      .option('--verify', 'read every item and check its hash')
      .option('--json', 'as JSON')
      .action((file: string, flags: InfoFlags) => execute((context) => info(context, file, flags)))
    command
      .command('convert')
      .description('write a trace in the format of the new name')
      .argument('<from>', 'recorded trace')
      .argument('<to>', 'new file')
      .option('--pack', 'packed .npz, made in memory')
      .option('--force', 'replace an existing file')
      .action((from: string, to: string, flags: ConvertFlags) =>
        execute((context) => convert(context, from, to, flags)),
      )
  },
}

async function info(context: CliContext, file: string, flags: InfoFlags): Promise<void> {
  const opened = await openTrace(file)
  try {
    if (flags.verify === true) await readAll(context, opened)
    context.out(context.json || flags.json === true ? JSON.stringify(factsOf(opened), null, 2) : textOf(file, opened))
    if (flags.verify === true) context.say(`all ${opened.head.items} items have the recorded sha256`)
  } finally {
    await opened.close()
  }
}

async function readAll(context: CliContext, opened: TraceFile): Promise<void> {
  const progress = context.progress()
  progress.phase('reading items', opened.head.items)
  for await (const item of itemsOf(opened)) {
    if (context.signal.aborted) throw new Interrupted('interrupted')
    progress.step(item.index + 1)
  }
  progress.end()
}

async function convert(context: CliContext, from: string, to: string, flags: ConvertFlags): Promise<void> {
  const source = await openTrace(from)
  const progress = context.progress()
  try {
    progress.phase('writing items', source.head.items)
    const { sha256, bytes } = await writeTraceFile(to, source, {
      force: flags.force === true,
      pack: flags.pack === true,
      signal: context.signal,
      onItem: progress.step,
    })
    progress.end()
    context.out(
      context.json
        ? JSON.stringify({ file: to, bytes, trace_sha256: sha256 })
        : `${to}: ${source.head.items} items, ${engineering(bytes, 'B')}, trace sha256 ${sha256}`,
    )
  } finally {
    await source.close()
  }
}

function factsOf(opened: TraceFile) {
  const { head, items } = opened
  return {
    format: opened.format,
    trace_sha256: opened.sha256(),
    model_sha256: head.modelSha256,
    items: head.items,
    labelled_items: items.filter((item) => item.labels !== null).length,
    right_items: items.filter((item) => item.labels?.includes(item.prediction) === true).length,
    settings: head.settings,
    tensors: [...head.tensors].map(([name, tensor]) => ({
      name,
      form: tensor.form,
      shape: tensor.shape,
      scale: tensor.scale,
      zero_point: tensor.zeroPoint,
      codes: tensor.shape.reduce((a, b) => a * b, 1),
    })),
    products: head.products,
  }
}

function textOf(file: string, opened: TraceFile): string {
  const facts = factsOf(opened)
  const { signed, calibration, percentile } = facts.settings
  const perItem = facts.tensors.reduce((sum, tensor) => sum + tensor.codes, 0)
  const rows = facts.tensors.map((tensor) => [
    tensor.name,
    tensor.form,
    tensor.shape.join('×'),
    tensor.scale.toPrecision(6),
    String(tensor.zero_point),
  ])
  return [
    printable(
      `${file}: ${facts.format}, ${facts.items} items, ${facts.tensors.length} tensors, ${perItem} codes an item`,
    ),
    `trace sha256 ${facts.trace_sha256}`,
    `model sha256 ${facts.model_sha256}`,
    `input.signed ${signed}, input.calibration ${calibration}${calibration === 'percentile' ? ` ${percentile} %` : ''}`,
    `labels of ${facts.labelled_items} items, of which the network predicts ${facts.right_items} right; ${facts.products.length} products of two activations`,
    '',
    plainTable(['tensor', 'form', 'shape', 'scale', 'zero point'], rows, [3, 4]),
  ].join('\n')
}
