// Remappers, by name.
import { registry } from '../base/registry.js'
import { identity } from './identity.js'
import type { Remapper } from './remapper.js'

export const remappers = registry<Remapper>('remapper', [identity])
