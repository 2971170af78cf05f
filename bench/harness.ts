// A small benchmark harness: contenders that do the same work take turns, so that a busy machine slows all of them alike, and
// ratios between them stay meaningful. Times come from the monotonic clock.

/** One contender: does its whole work once and returns the seconds that count (set-up excluded). */
export interface Contender {
  readonly name: string
  run(): number
}

export interface Timing {
  readonly name: string
  readonly minS: number
  readonly medianS: number
}

/**
 * Runs every contender once to warm up, then `repetitions` times in turn.
 * @returns minimum and median seconds of each, in the order given
 */
export function interleaved(contenders: readonly Contender[], repetitions = 5): Timing[] {
  for (const contender of contenders) contender.run()
  const seconds = contenders.map((): number[] => [])
  for (let i = 0; i < repetitions; i++)
    for (const [c, contender] of contenders.entries()) seconds[c]!.push(contender.run())
  return contenders.map((contender, c) => summary(contender.name, seconds[c]!))
}

/** Seconds that `work` takes. */
export function timed(work: () => void): number {
  const from = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - from) * 1e-9
}

function summary(name: string, seconds: readonly number[]): Timing {
  const sorted = [...seconds].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const medianS = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { name, minS: sorted[0]!, medianS }
}

/** A benchmark: what it prints as a Markdown table, and what it demands. */
export interface Benchmark {
  readonly name: string
  run(): Report | Promise<Report>
}

export interface Report {
  readonly title: string
  readonly text: readonly string[]
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** demands that were not met, in words; empty = all met */
  readonly failures: readonly string[]
}

/** The report as Markdown. */
export function markdown(report: Report): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = line(report.head.map((_, i) => (i === 0 ? '---' : '---:')))
  const table = report.rows.length === 0 ? [] : [line(report.head), rule, ...report.rows.map(line), '']
  return [`## ${report.title}`, '', ...report.text.flatMap((text) => [text, '']), ...table].join('\n')
}
