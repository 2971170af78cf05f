// Criteria, by name.
import { registry } from '../../base/registry.js'
import type { Criterion } from '../criterion.js'
import { found } from './found.js'
import { magnitude } from './magnitude.js'
import { random } from './random.js'

export const criteria = registry<Criterion>('criterion', [magnitude, random, found])
