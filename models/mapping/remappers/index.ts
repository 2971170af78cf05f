// Remappers, by name.
import { registry } from '../../base/registry.js'
import type { Remapper } from '../remapper.js'
import { annealing } from './annealing.js'
import { auto } from './auto.js'
import { cluster } from './cluster.js'
import { genetic } from './genetic.js'
import { identity } from './identity.js'
import { matching } from './matching.js'
import { sort } from './sort.js'

export const remappers = registry<Remapper>('remapper', [identity, sort, annealing, genetic, matching, cluster, auto])
