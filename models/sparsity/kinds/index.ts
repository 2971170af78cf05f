// Pattern kinds, by name.
import { registry } from '../../base/registry.js'
import type { PatternKind } from '../kind.js'
import { fullBlock } from './full-block.js'
import { intraBlock } from './intra-block.js'

export const patternKinds = registry<PatternKind>('pattern kind', [fullBlock, intraBlock])
