// Engines by name. Adding one: its file here and a line.
import { registry } from '../../../models/base/registry.js'
import { event } from './event.js'
import { fast } from './fast.js'

export const engines = registry('engine', [fast, event])
