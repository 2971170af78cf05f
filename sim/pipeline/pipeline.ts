// Flow control of one macro: an ordered list of stages with queues and credits, driven by the event kernel. One event per firing.
// The law that it realises is docs/timing.md, section 4; stages know nothing of it.
import { SimFault } from '../../models/base/errors.js'
import type { Kernel } from '../kernel/kernel.js'
import { NONE, type Source, type Stage, type StageBehaviour } from './stage.js'

/** Cycles and firings of one stage after a run. */
export interface StageCounters {
  readonly name: string
  readonly firings: number
  readonly busy: number
  readonly blocked: number
}

/** Told of every firing at its start; for dumps and traces. `item` is the stage's input item. */
export type FiringObserver = (
  stage: number,
  start: number,
  interval: number,
  item: number,
  k: number,
  output: number,
) => void

export interface Pipeline {
  readonly stations: readonly Station[]
  /** Schedules the first firing. */
  start(): void
  /** @throws SimFault when an item is still held after the kernel ran dry */
  assertDrained(describe: (item: number) => string): void
  counters(): StageCounters[]
  /** max over all firings of start + max(latency, interval) */
  span(): number
}

/** State of one stage. Fields are plain numbers; queues are rings of integers. */
export interface Station {
  readonly name: string
  /** the stage's behaviour, copied here so that every station has the same shape where it is asked */
  readonly begin: StageBehaviour['begin']
  readonly credit: StageBehaviour['credit']
  readonly interval: StageBehaviour['interval']
  readonly fire: StageBehaviour['fire']
  /** what never varies (Constants of the stage); 0 = the interval varies */
  readonly fixedInterval: number
  readonly fixedCredit: boolean
  readonly forwards: boolean
  /** its neighbours in the pipeline */
  inFront: Station | null
  behind: Station | null
  readonly latency: number
  readonly streaming: boolean
  /** input queue: items and the cycle at which each arrives */
  readonly items: Int32Array
  readonly arrivals: number[]
  readonly ringMask: number
  head: number
  queued: number
  /** firing to come next on the item at the head, and how many there are; equal when no item is being worked on */
  k: number
  firings: number
  /** item being worked on */
  item: number
  /** start + interval of the last firing */
  freeAt: number
  /** cycle at which the firing to come had its item and the stage free */
  readyAt: number
  /** free places in the queue behind (and inside) the stage */
  credits: number
  waiting: boolean
  scheduled: boolean
  totalFirings: number
  busy: number
  blocked: number
  end: number
}

export function createPipeline(
  kernel: Kernel,
  stages: readonly Stage[],
  source: Source,
  observer: FiringObserver | null,
): Pipeline {
  const stations = stages.map((stage, i) => createStation(stage, i === 0 ? 0 : capacity(stages[i - 1]!)))
  for (const [i, stage] of stages.entries()) stations[i]!.credits = i === stages.length - 1 ? 0 : capacity(stage)
  const last = stations.length - 1
  for (const [i, station] of stations.entries()) {
    station.behind = stations[i + 1] ?? null
    station.inFront = stations[i - 1] ?? null
  }
  const handler = kernel.register(wake)

  function schedule(index: number, station: Station, cycle: number): void {
    station.scheduled = true
    kernel.at(cycle, handler, index)
  }

  /** The stage's item is there and it is free: fire if a credit is at hand. */
  function wake(index: number, now: number): void {
    const station = stations[index]!
    station.scheduled = false
    if (station.k === station.firings && !takeItem(index, station, now)) return
    const k = station.k
    if (index < last && (station.fixedCredit || station.credit(k))) {
      if (station.credits === 0) {
        station.waiting = true
        return
      }
      station.waiting = false
      station.credits--
      station.blocked += now - station.readyAt
    }
    const interval = station.fixedInterval !== 0 ? station.fixedInterval : station.interval(k)
    const output = station.forwards ? (index < last ? station.item : NONE) : station.fire(k)
    if (observer !== null) observer(index, now, interval, station.item, k, output)
    station.totalFirings++
    station.busy += interval
    station.freeAt = now + interval
    // biome-ignore lint/complexity/useMathMinMax: a comparison of small integers stays one; measured 3 % of the run
    const done = now + (interval > station.latency ? interval : station.latency)
    if (done > station.end) station.end = done
    if (output !== NONE) push(index + 1, station.behind!, output, station.streaming ? now + station.latency : done)
    station.k = k + 1
    if (station.k === station.firings && index > 0) release(index, station, now)
    scheduleNext(index, station)
  }

  function takeItem(index: number, station: Station, now: number): boolean {
    const item = index === 0 ? source.next(now) : station.items[station.head]!
    if (item === NONE) return false
    station.item = item
    station.k = 0
    station.firings = station.forwards ? 1 : station.begin(item)
    return true
  }

  /** The item leaves the queue with the start of its last firing, which frees a place for the stage in front. */
  function release(index: number, station: Station, now: number): void {
    station.head = (station.head + 1) & station.ringMask
    station.queued--
    const upstream = station.inFront!
    upstream.credits++
    if (upstream.waiting && !upstream.scheduled) schedule(index - 1, upstream, now)
  }

  function scheduleNext(index: number, station: Station): void {
    let ready = station.freeAt
    if (station.k === station.firings && index > 0) {
      if (station.queued === 0) return
      const arrival = station.arrivals[station.head]!
      if (arrival > ready) ready = arrival
    }
    station.readyAt = ready
    schedule(index, station, ready)
  }

  function push(index: number, station: Station, item: number, arrival: number): void {
    const tail = (station.head + station.queued) & station.ringMask
    station.items[tail] = item
    station.arrivals[tail] = arrival
    station.queued++
    // An idle stage is woken by its first item; a working one looks at the queue when it has finished.
    if (station.queued > 1 || station.scheduled || station.k !== station.firings) return
    // biome-ignore lint/complexity/useMathMinMax: as above
    station.readyAt = arrival > station.freeAt ? arrival : station.freeAt
    schedule(index, station, station.readyAt)
  }

  return {
    stations,
    start: () => scheduleNext(0, stations[0]!),
    assertDrained: (describe) => assertDrained(stations, describe),
    counters: () =>
      stations.map(({ name, totalFirings, busy, blocked }) => ({ name, firings: totalFirings, busy, blocked })),
    span: () => Math.max(...stations.map((station) => station.end)),
  }
}

/** Outputs of a stage that may be under way or queued at once: Q + D. */
function capacity(stage: Stage): number {
  return stage.timing.queue + stage.timing.depth
}

function createStation(stage: Stage, queuePlaces: number): Station {
  const ring = 2 ** Math.ceil(Math.log2(Math.max(1, queuePlaces)))
  return {
    name: stage.name,
    begin: stage.behaviour.begin,
    credit: stage.behaviour.credit,
    interval: stage.behaviour.interval,
    fire: stage.behaviour.fire,
    fixedInterval: stage.constants?.interval ?? 0,
    fixedCredit: stage.constants?.credit ?? false,
    forwards: stage.constants?.forwards ?? false,
    inFront: null,
    behind: null,
    latency: stage.timing.latency,
    streaming: stage.timing.streaming,
    items: new Int32Array(ring),
    // Not typed: small cycles stay small integers here, out of a Float64Array they come as doubles.
    arrivals: new Array<number>(ring).fill(0),
    ringMask: ring - 1,
    head: 0,
    queued: 0,
    k: 0,
    firings: 0,
    item: NONE,
    freeAt: 0,
    readyAt: 0,
    credits: 0,
    waiting: false,
    scheduled: false,
    totalFirings: 0,
    busy: 0,
    blocked: 0,
    end: 0,
  }
}

function assertDrained(stations: readonly Station[], describe: (item: number) => string): void {
  for (const station of stations) {
    if (station.k !== station.firings) {
      throw new SimFault(
        `deadlock: ${station.name} holds ${describe(station.item)} (firing ${station.k} of ${station.firings}, ${station.credits} credits)`,
      )
    }
    if (station.queued > 0) {
      throw new SimFault(
        `deadlock: ${describe(station.items[station.head]!)} and ${station.queued - 1} more wait in front of ${station.name}`,
      )
    }
  }
}
