// What a run directory says about how the run was made: the question (manifest.json), and the machine that it ran on (environment.json).
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, hostname, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../models/base/paths.js'
import { runtimeVersion } from '../traces/record/runtime.js'
import type { ManifestInfo } from '../traces/results/directory.js'
import type { RunOptions } from './options.js'
import { readMapping } from './remap.js'

export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8')
  return String((JSON.parse(text) as { version: string }).version)
}

/** Everything that decides the result beside model, activations and machine. `reproduce` reads it back. */
export function requestOf(options: RunOptions) {
  const { layers, limit, vectors, values, adcCodes, engine, kernel, check, dumpMapping, dumpVectors } = options
  // the content of a mapping file belongs to the question, its place to the environment
  const mapping = options.mapping == null ? {} : { mapping: readMapping(options.mapping).sha256 }
  return { layers, limit, vectors, values, adcCodes, engine, kernel, check, dumpMapping, dumpVectors, ...mapping }
}

/** @param streams names of the random streams that were drawn from; @param started milliseconds since 1970 */
export function manifestInfo(options: RunOptions, streams: readonly string[], started: number): ManifestInfo {
  return {
    version: packageVersion(),
    configuration: options.machine,
    seeds: seedsOf(streams),
    request: requestOf(options),
    environment: environmentOf(options, started),
  }
}

/** Streams by what they have in common: seed and layer. */
function seedsOf(streams: readonly string[]): Record<string, string> {
  const groups = new Map<string, string[]>()
  for (const stream of streams) {
    const group = stream.split('/').slice(0, -3).join('/')
    groups.set(group, [...(groups.get(group) ?? []), stream])
  }
  return Object.fromEntries([...groups].map(([group, names]) => [group, `alea: ${names.join(' ')}`]))
}

function environmentOf(options: RunOptions, started: number) {
  const finished = Date.now()
  const host = {
    hostname: hostname(),
    platform: platform(),
    release: release(),
    cpu: cpus()[0]?.model ?? '',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  }
  const { model, inputs, labels, data = null, trace, mapping = null, out } = options
  const times = {
    started: new Date(started).toISOString(),
    finished: new Date(finished).toISOString(),
    wallSeconds: (finished - started) / 1000,
  }
  return {
    host,
    paths: { model, inputs, labels, data, trace, mapping, out, cwd: process.cwd() },
    times,
    node: process.version,
    /** null: the run replayed a trace */
    onnxruntime: runtimeVersion(),
    commandLine: options.commandLine,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
}
